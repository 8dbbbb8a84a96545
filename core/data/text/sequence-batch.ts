import { i32, type HostTensor } from '../../engine/host';
import type { EncodedSequence } from '../tokenizer/sequence-encoder';

/** Sequences of one padded length, the input of an encoder: int32 [rows, length] each. */
export interface SequenceBatch {
  readonly ids: HostTensor<'int32'>;
  /** 1 for a token, 0 for padding. */
  readonly mask: HostTensor<'int32'>;
  /** The segment of each token. */
  readonly types: HostTensor<'int32'>;
}

/**
 * Arranges sequences as the rows of a batch.
 * @param rows of the batch: rows after the last sequence are only padding, so that all batches have one shape
 * @throws RangeError if a sequence is too long, or there are too many
 */
export function sequenceBatch(
  sequences: readonly EncodedSequence[],
  { rows, length, padId }: { readonly rows: number; readonly length: number; readonly padId: number },
): SequenceBatch {
  if (sequences.length > rows) throw new RangeError(`${sequences.length} sequences in a batch of ${rows} rows`);
  const ids = new Int32Array(rows * length).fill(padId);
  const mask = new Int32Array(rows * length);
  const types = new Int32Array(rows * length);
  for (const [row, sequence] of sequences.entries()) {
    const count = sequence.ids.length;
    if (count > length) throw new RangeError(`a sequence of ${count} tokens in a batch of ${length}`);
    ids.set(sequence.ids, row * length);
    types.set(sequence.types, row * length);
    mask.fill(1, row * length, row * length + count);
  }
  const shape = [rows, length];
  return { ids: i32(shape, ids), mask: i32(shape, mask), types: i32(shape, types) };
}
