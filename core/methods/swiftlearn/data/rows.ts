import { Permutation } from '../../../data/permutation';

/** The samples of a batch of all samples in their order. @param number of the batch, from 0 */
export const rowsInOrder = (size: number, batchSize: number, number: number): Uint32Array =>
  range(number * batchSize, Math.min(size, (number + 1) * batchSize));

/** Selected samples in random order, in batches of one size; the last may be shorter. */
export class ShuffledRows {
  /** Batches. */
  readonly count: number;
  readonly #order: Permutation;

  /**
   * @param weights factors of the samples' losses, side by side with them; all are 1 without it
   * @param stream integers that name the order
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

  /** The samples of a batch, and their shares of its loss. */
  batch(number: number): { samples: Uint32Array; shares: Float32Array } {
    const rows = rowsInOrder(this.samples.length, this.batchSize, number).map((row) => this.#order.at(row));
    return {
      samples: rows.map((row) => this.samples[row]!),
      // The loss of a batch is a mean over its samples, however many they are.
      shares: Float32Array.from(rows, (row) => (this.weights?.[row] ?? 1) / rows.length),
    };
  }
}

const range = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);
