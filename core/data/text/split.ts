import type { TokenCache } from './token-cache';
import { TokenStream, type Pieces } from './token-stream';

export interface TextSplit {
  readonly train: TokenStream;
  readonly heldOut: TokenStream;
}

/**
 * Splits a tokenized corpus by document, without copying it. Documents are visited in the order of the hash of their
 * ids, and held out whenever that brings the held-out tokens closer to their share; so the split does not depend on the
 * order of the corpus, and one giant document cannot fill it. If no document is small enough (as in a corpus of one
 * document), the end of the longest one is held out instead.
 *
 * @param heldOutShare share of the tokens to hold out, above 0 and at most 0.5
 */
export function splitByDocument(cache: TokenCache, heldOutShare: number): TextSplit {
  const { count, ends, bytes, idHashes } = cache.documents;
  const pieces: Pieces = { starts: ends.map((_, i) => ends[i - 1] ?? 0), ends, bytes };
  const target = cache.meta.tokens * heldOutShare;

  const isHeldOut = new Uint8Array(count);
  // 53 bits of the hash sort the documents as well as all 64, many times faster than big integers.
  const keys = Float64Array.from(idHashes, (hash) => Number(hash >> 11n));
  let held = 0;
  for (const i of Uint32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]! || a - b)) {
    const size = ends[i]! - pieces.starts[i]!;
    if (held + size / 2 > target) continue;
    isHeldOut[i] = 1;
    held += size;
  }
  if (held === 0) return splitLongest(cache, pieces, target);
  const part = (flag: number) => {
    const ofPart = (_: number, i: number) => isHeldOut[i] === flag;
    return new TokenStream(cache, {
      starts: pieces.starts.filter(ofPart),
      ends: pieces.ends.filter(ofPart),
      bytes: pieces.bytes.filter(ofPart),
    });
  };
  return { train: part(0), heldOut: part(1) };
}

function splitLongest(cache: TokenCache, { starts, ends, bytes }: Pieces, target: number): TextSplit {
  const sizes = ends.map((end, i) => end - starts[i]!);
  const longest = sizes.reduce((best, size, i) => (size > sizes[best]! ? i : best), 0);
  const tail = Math.max(1, Math.round(target));
  const tailBytes = (bytes[longest]! * tail) / sizes[longest]!;
  const end = ends[longest]!;
  return {
    train: new TokenStream(cache, {
      starts,
      ends: ends.with(longest, end - tail),
      bytes: bytes.with(longest, bytes[longest]! - tailBytes),
    }),
    heldOut: new TokenStream(cache, {
      starts: Float64Array.of(end - tail),
      ends: Float64Array.of(end),
      bytes: Float64Array.of(tailBytes),
    }),
  };
}
