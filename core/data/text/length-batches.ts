import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Random } from '../../random';

/** Padded lengths are multiples of this: shorter steps save little, and wide ones suit the matrix kernels. */
const STEP = 16;

/** Each padded length is a step compiled of its own. */
const MOST_LENGTHS = 5;

/**
 * The padded lengths, rising, with which samples waste the fewest tokens, of all sets of so many multiples of 16; the last
 * one holds the longest sample. Samples are padded to the shortest length that holds them.
 * @param lengths tokens of each sample
 * @param most lengths in the set
 */
export function choosePaddedLengths(lengths: Int32Array, most = MOST_LENGTHS): number[] {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 1);
  const sizes = Math.ceil(longest / STEP);
  // upTo[k]: samples of at most k steps.
  const upTo = new Float64Array(sizes + 1);
  for (const length of lengths) upTo[Math.max(1, Math.ceil(length / STEP))]! += 1;
  for (let k = 1; k <= sizes; k++) upTo[k]! += upTo[k - 1]!;

  // best[k]: the set for the samples of at most k steps, k the longest of it, and the padded steps of those samples.
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
  /** Tokens of every row. */
  readonly length: number;
  /** Which samples: as many as a batch has rows, or fewer in the one batch of an epoch that the samples do not fill. */
  readonly samples: Int32Array;
}

export interface LengthBatchOptions {
  /** Tokens of each sample. */
  readonly lengths: Int32Array;
  /** The lengths that batches are padded to, rising; see `choosePaddedLengths`. */
  readonly paddedLengths: readonly number[];
  /** Rows of a batch. */
  readonly batchSize: number;
}

/**
 * Batches of samples of like length. An epoch holds each of its samples once, in an order that depends on its seeds alone,
 * so a resumed run needs no state but its number.
 */
export class LengthBatches {
  /** Index of the padded length of each sample. */
  readonly #bucket: Uint8Array;

  /** @throws UserError `data.too-long` when a sample is longer than the longest padded length */
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

  /** Batches of an epoch over that many samples: known before the samples are. */
  batchesOf(samples: number): number {
    return Math.ceil(samples / this.options.batchSize);
  }

  /**
   * The batches of an epoch, in order. What is left of a length when its batches are full goes to batches of the next
   * longer one, so that all batches but one are full.
   * @param samples which samples, each once; all of them without it
   * @param seeds integers that name the order, such as (seed, epoch)
   */
  epoch(seeds: readonly number[], samples: Iterable<number> = this.#bucket.keys()): LengthBatch[] {
    const { paddedLengths, batchSize } = this.options;
    const random = new Random(...seeds);
    // Sorted first: the order is that of the seeds, not that in which the samples were named.
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
