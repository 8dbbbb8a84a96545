import type { LabeledTexts } from '../../../data/labeled/texts';
import type { EncodedSequence, SequenceEncoder } from '../../../data/tokenizer/sequence-encoder';

interface Progress {
  readonly signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** Number of texts between progress reports and checks of the signal. */
const STRIDE = 256;

/** Tokenized texts in one contiguous array: five bytes per token. */
export class EncodedTexts {
  private constructor(
    /** Number of tokens in each sample. */
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
      // Encoding blocks the thread: let signals and logging run.
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
