import type { Tokenizer } from '../tokenizer/tokenizer';
import type { TextDocument } from './document';
import type { TokenCache } from './token-cache';

/**
 * Parts of the token file, each a document of the cache or a part of one: tokens `starts` to `ends`, including the end
 * token, and the UTF-8 bytes of the text [pieces]. Plain arrays, because a corpus can have millions of documents.
 */
export interface Pieces {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly bytes: Float64Array;
}

/** Pieces of a token cache, read as one contiguous stream. */
export class TokenStream {
  /** Number of tokens. */
  readonly length: number;
  /** End of each piece in the stream [pieces]. */
  readonly #limits: Float64Array;

  readonly #cache: TokenCache;
  readonly #pieces: Pieces;

  constructor(cache: TokenCache, pieces: Pieces) {
    this.#cache = cache;
    this.#pieces = pieces;
    let limit = 0;
    this.#limits = pieces.ends.map((end, i) => (limit += end - pieces.starts[i]!));
    this.length = limit;
  }

  /** Copies tokens `start` to `start + count` into `target` at `offset`. */
  read(start: number, count: number, target: Int32Array, offset = 0): void {
    if (start < 0 || start + count > this.length) {
      throw new RangeError(`Tokens ${start} to ${start + count} of a stream of ${this.length}`);
    }
    const { starts, ends } = this.#pieces;
    let done = 0;
    for (let i = firstAbove(this.#limits, start); done < count; i += 1) {
      const from = ends[i]! - (this.#limits[i]! - (start + done));
      // Adjacent pieces of the file are read at once.
      while (this.#limits[i]! < start + count && starts[i + 1] === ends[i]!) i += 1;
      const take = Math.min(ends[i]! - from, count - done);
      this.#cache.tokens.read(from, take, target, offset + done);
      done += take;
    }
  }

  /** The `count` tokens from `start` on [count]. */
  slice(start = 0, count = this.length - start): Int32Array {
    const tokens = new Int32Array(count);
    this.read(start, count, tokens);
    return tokens;
  }

  /**
   * UTF-8 bytes of the text of tokens `start` to `start + count`. Exact for whole pieces; a part of a piece counts in
   * proportion to its tokens, so that the parts add up to the whole.
   */
  bytes(start: number, count: number): number {
    const { starts, ends, bytes } = this.#pieces;
    let total = 0;
    for (let i = firstAbove(this.#limits, start); i < starts.length; i += 1) {
      const size = ends[i]! - starts[i]!;
      const begin = this.#limits[i]! - size;
      if (begin >= start + count) break;
      const overlap = Math.min(this.#limits[i]!, start + count) - Math.max(begin, start);
      total += (bytes[i]! * overlap) / size;
    }
    return total;
  }

  /** The decoded texts of the pieces, without their end tokens; ids are positions in the token file. */
  *documents(tokenizer: Tokenizer): Iterable<TextDocument> {
    const { starts, ends } = this.#pieces;
    for (let i = 0; i < starts.length; i += 1) {
      const tokens = new Int32Array(ends[i]! - starts[i]!);
      this.#cache.tokens.read(starts[i]!, tokens.length, tokens, 0);
      const text = tokenizer.decode(tokens.at(-1) === this.#cache.meta.eosId ? tokens.subarray(0, -1) : tokens);
      yield { id: String(starts[i]), text };
    }
  }

  /**
   * Where a token of the stream comes from: the document's number in the cache, and the token's index in it, from 0.
   * @throws RangeError beyond the end of the stream
   */
  origin(position: number): { document: number; token: number } {
    const piece = firstAbove(this.#limits, position);
    if (piece >= this.#limits.length) throw new RangeError(`Token ${position} of a stream of ${this.length}`);
    const { ends } = this.#cache.documents;
    const inFile = this.#pieces.ends[piece]! - (this.#limits[piece]! - position);
    const document = firstAbove(ends, inFile);
    return { document, token: inFile - (ends[document - 1] ?? 0) };
  }
}

/** Index of the first of ascending numbers that is above a value; for ends of pieces, the piece that contains it. */
function firstAbove(rising: Float64Array, value: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
