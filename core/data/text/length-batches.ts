import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Random } from '../../random';

/** Padded lengths are multiples of this: smaller steps save little, and larger ones suit the matrix kernels. */
const STEP = 16;

/** Each padded length is compiled separately. */
export const MOST_LENGTHS = 5;

/**
 * Chooses the padded lengths, ascending, that waste the fewest tokens: the best of all sets of up to `most` multiples
 * of 16, the last of which fits the longest sample. Samples are padded to the shortest length that fits them.
 * @param lengths tokens of each sample
 * @param most maximum number of padded lengths
 */
export function choosePaddedLengths(lengths: Int32Array, most = MOST_LENGTHS): number[] {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 1);
  const sizes = Math.ceil(longest / STEP);
  // upTo[k]: number of samples of at most k steps.
  const upTo = new Float64Array(sizes + 1);
  for (const length of lengths) upTo[Math.max(1, Math.ceil(length / STEP))]! += 1;
  for (let k = 1; k <= sizes; k++) upTo[k]! += upTo[k - 1]!;

  // best[k]: for the samples of at most k steps, the best set with k as its longest, and their total in padded steps.
  let best = Array.from(upTo, (count, k) => ({ set: [k], cost: count * k }));
  for (let used = 2; used <= most; used++)
    best = best.map((own, k) => {
      let found = own;
      for (let shorter = 1; shorter < k; shorter++) {
        const { set, cost } = best[shorter]!;
        const together = cost + (upTo[k]! - upTo[shorter]!) * k;
        if (together < found.cost) found = { set: [...set, k], cost: together };
      }
      return found;
    });
  return best[sizes]!.set.map((k) => k * STEP);
}

/** Samples that are padded to one length. */
export interface LengthBatch {
  /** Tokens per row. */
  readonly length: number;
  /** Indices of the samples: as many as the batch has rows; fewer in the one batch of an epoch that is not full. */
  readonly samples: Int32Array;
}

export interface LengthBatchOptions {
  /** Tokens of each sample. */
  readonly lengths: Int32Array;
  /** The lengths that batches are padded to, ascending; see `choosePaddedLengths`. */
  readonly paddedLengths: readonly number[];
  /** Rows per batch. */
  readonly batchSize: number;
}

/**
 * Batches of samples of similar length. An epoch has each of its samples once, in an order that depends only on the
 * seeds, so a resumed run needs no state but the number of the epoch.
 */
export class LengthBatches {
  /** Index of the padded length of each sample. */
  readonly #bucket: Uint8Array;

  /** @throws UserError `data.too-long` if a sample is longer than the longest padded length */
  constructor(readonly options: LengthBatchOptions) {
    const { lengths, paddedLengths } = options;
    this.#bucket = Uint8Array.from(lengths, (length) => {
      const bucket = paddedLengths.findIndex((padded) => length <= padded);
      if (bucket >= 0) return bucket;
      throw new UserError(
        'data.too-long',
        l10n.t`A sample has ${length} tokens, but the longest batch holds ${paddedLengths.at(-1) ?? 0}.`,
        l10n.t('Truncate the samples to the length of the batches first.'),
      );
    });
  }

  /** Batches in an epoch of that many samples, which need not be known yet. */
  batchesOf(samples: number): number {
    return Math.ceil(samples / this.options.batchSize);
  }

  /**
   * The batches of an epoch, in order. Samples that do not fill a batch of their length go to batches of the next
   * longer one, so that all batches except one are full.
   * @param samples indices of the samples, each once; default: all
   * @param seeds integers that select the order, such as (seed, epoch)
   */
  epoch(seeds: readonly number[], samples: Iterable<number> = this.#bucket.keys()): LengthBatch[] {
    const { paddedLengths, batchSize } = this.options;
    const random = new Random(...seeds);
    // Sorted first, so that the order depends only on the seeds, not on the order of `samples`.
    const order = random.shuffle(Int32Array.from(samples).sort());
    const batches: LengthBatch[] = [];
    let rest: number[] = [];
    for (const [bucket, length] of paddedLengths.entries()) {
      const own = [...rest, ...order.filter((sample) => this.#bucket[sample] === bucket)];
      const full = own.length - (own.length % batchSize);
      for (let at = 0; at < full; at += batchSize)
        batches.push({ length, samples: Int32Array.from(own.slice(at, at + batchSize)) });
      rest = own.slice(full);
      const isLast = bucket === paddedLengths.length - 1;
      if (isLast && rest.length > 0) batches.push({ length, samples: Int32Array.from(rest) });
    }
    return random.shuffle(batches);
  }
}
