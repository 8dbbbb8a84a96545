import type { LabeledTexts } from '../../../data/labeled/texts';
import type { EncodedSequence, SequenceEncoder } from '../../../data/tokenizer/sequence-encoder';

/** Work before training reports progress and checks the signal at this interval. */
interface Progress {
  readonly signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** Progress is reported and the signal checked at this interval. */
const STRIDE = 256;

/** Texts as an encoder reads them, side by side: five bytes a token. */
export class EncodedTexts {
  private constructor(
    /** Tokens of each sample. */
    readonly lengths: Int32Array,
    readonly ids: Int32Array,
    readonly types: Uint8Array,
    readonly ends: Float64Array,
  ) {}

  static async of(texts: LabeledTexts, encoder: SequenceEncoder, progress: Progress = {}): Promise<EncodedTexts> {
    const ends = new Float64Array(texts.size);
    let ids = new Int32Array(64 * Math.max(1, texts.size));
    let types = new Uint8Array(ids.length);
    let end = 0;
    for (let i = 0; i < texts.size; i++) {
      const sequence = encoder.encode(texts.text(i), texts.pair(i));
      if (end + sequence.ids.length > ids.length) {
        ids = grown(ids, new Int32Array(2 * ids.length + sequence.ids.length));
        types = grown(types, new Uint8Array(ids.length));
      }
      ids.set(sequence.ids, end);
      types.set(sequence.types, end);
      end += sequence.ids.length;
      ends[i] = end;
      if ((i + 1) % STRIDE !== 0 && i + 1 < texts.size) continue;
      progress.signal?.throwIfAborted();
      progress.onProgress?.(i + 1, texts.size);
      // Encoding blocks the thread: let signals and the log have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const lengths = Int32Array.from(ends, (last, i) => last - (ends[i - 1] ?? 0));
    return new EncodedTexts(lengths, ids.slice(0, end), types.slice(0, end), ends);
  }

  at(sample: number): EncodedSequence {
    const [from, to] = [this.ends[sample - 1] ?? 0, this.ends[sample] ?? 0];
    return { ids: Array.from(this.ids.subarray(from, to)), types: Array.from(this.types.subarray(from, to)) };
  }
}

function grown<T extends Int32Array | Uint8Array>(values: T, larger: T): T {
  larger.set(values);
  return larger;
}
