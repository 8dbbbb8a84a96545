import { Permutation } from '../../../data/permutation';

/** The samples in a batch when all are taken in order. @param number of the batch, from 0 */
export const rowsInOrder = (size: number, batchSize: number, number: number): Uint32Array =>
  range(number * batchSize, Math.min(size, (number + 1) * batchSize));

/** Selected samples in random order, in batches of equal size; the last may be shorter. */
export class ShuffledRows {
  /** Number of batches. */
  readonly count: number;
  readonly #order: Permutation;

  /**
   * @param weights factors of the samples' losses, in the order of `samples`; all 1 if undefined
   * @param stream integers that identify the random stream of the order
   */
  constructor(
    readonly samples: Uint32Array,
    readonly weights: Float32Array | undefined,
    readonly batchSize: number,
    stream: readonly number[],
  ) {
    this.count = Math.ceil(samples.length / batchSize);
    this.#order = new Permutation(samples.length, ...stream);
  }

  /** The samples in a batch, and their weights in its loss. */
  batch(number: number): { samples: Uint32Array; shares: Float32Array } {
    const rows = rowsInOrder(this.samples.length, this.batchSize, number).map((row) => this.#order.at(row));
    return {
      samples: rows.map((row) => this.samples[row]!),
      // The loss is the mean over the batch's samples, even in a shorter last batch.
      shares: Float32Array.from(rows, (row) => (this.weights?.[row] ?? 1) / rows.length),
    };
  }
}

const range = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);
