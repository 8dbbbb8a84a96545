import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Permutation } from '../permutation';
import type { TokenStream } from './token-stream';

/** Target of a position that does not count. */
export const IGNORED = -1;

/** B sequences of T tokens; `targets` is the token after each of the `inputs`, or `IGNORED`. */
export interface TokenBatch {
  /** [B * T] */
  readonly inputs: Int32Array;
  /** [B * T] */
  readonly targets: Int32Array;
}

/** Counts that turn a sum of losses into means: per token, and per byte of text. */
export interface HeldOutBatch extends TokenBatch {
  /** Targets that count. */
  readonly targetCount: number;
  /** UTF-8 bytes of the text that they spell. */
  readonly bytes: number;
}

export interface BlockOptions {
  /** T: tokens per sequence. */
  readonly blockLength: number;
  /** B: sequences per batch. */
  readonly batchSize: number;
}

/**
 * Block `index` covers tokens `index * T` to `index * T + T` of the stream, T + 1 of them: blocks overlap by one token,
 * so that every token but the stream's first is a target once. Returns the targets that the stream holds.
 */
function readBlock(stream: TokenStream, index: number, blockLength: number, batch: TokenBatch, row: number): number {
  const start = index * blockLength;
  const targets = Math.max(0, Math.min(blockLength, stream.length - 1 - start));
  if (targets === 0) return 0;
  const tokens = stream.slice(start, targets + 1);
  batch.inputs.set(tokens.subarray(0, targets), row * blockLength);
  batch.targets.set(tokens.subarray(1), row * blockLength);
  return targets;
}

const emptyBatch = ({ blockLength, batchSize }: BlockOptions): TokenBatch => ({
  inputs: new Int32Array(blockLength * batchSize),
  targets: new Int32Array(blockLength * batchSize).fill(IGNORED),
});

const tooShort = (part: string, stream: TokenStream, needed: number) =>
  new UserError(
    'data.too-short',
    l10n.t`The ${part} text has only ${stream.length} tokens; at least ${needed} are needed.`,
    l10n.t('Use more text, a smaller blockLength, or another heldOutShare.'),
  );

/** The whole blocks of a stream by their number, from 0, in any order. */
export class WholeBlocks {
  readonly count: number;

  /** @throws UserError `data.too-short` when the stream does not hold one whole block */
  constructor(
    private readonly stream: TokenStream,
    private readonly options: BlockOptions,
  ) {
    this.count = Math.floor((stream.length - 1) / options.blockLength);
    if (this.count < 1) throw tooShort('training', stream, options.blockLength + 1);
  }

  /** At most B blocks, one under another; rows after them have no targets that count. */
  batch(blocks: Iterable<number>): TokenBatch {
    const batch = emptyBatch(this.options);
    let row = 0;
    for (const block of blocks) readBlock(this.stream, block, this.options.blockLength, batch, row++);
    return batch;
  }
}

/** Shuffled training batches. A batch depends on the seed and the step alone, so a resumed run needs no state. */
export class TrainingBlocks {
  /** Whole blocks in the stream: the sequences of one epoch. */
  readonly blocks: number;
  private readonly whole: WholeBlocks;

  /** @throws UserError `data.too-short` when the stream does not hold one whole block */
  constructor(
    stream: TokenStream,
    private readonly options: BlockOptions & { readonly seed: number },
  ) {
    this.whole = new WholeBlocks(stream, options);
    this.blocks = this.whole.count;
  }

  /** Batch of a step (from 0). Every epoch visits each block once, in an order of its own. */
  batch(step: number): TokenBatch {
    const { batchSize, seed } = this.options;
    const blocks = Array.from({ length: batchSize }, (_, row) => {
      const position = step * batchSize + row;
      const order = new Permutation(this.blocks, seed, Math.floor(position / this.blocks));
      return order.at(position % this.blocks);
    });
    return this.whole.batch(blocks);
  }
}

/** All held-out tokens in order, in batches of one shape; the last is filled up with targets that do not count. */
export class HeldOutBlocks {
  readonly batches: number;
  /** Targets of all batches. */
  readonly targetCount: number;
  /** UTF-8 bytes of all batches. */
  readonly bytes: number;

  /** @throws UserError `data.too-short` when there is nothing to predict */
  constructor(
    private readonly stream: TokenStream,
    private readonly options: BlockOptions,
  ) {
    if (stream.length < 2) throw tooShort('held-out', stream, 2);
    this.targetCount = stream.length - 1;
    this.batches = Math.ceil(this.targetCount / (options.blockLength * options.batchSize));
    this.bytes = stream.bytes(1, this.targetCount);
  }

  batch(index: number): HeldOutBatch {
    const { blockLength, batchSize } = this.options;
    const batch = emptyBatch(this.options);
    const first = index * batchSize;
    let targetCount = 0;
    for (let row = 0; row < batchSize; row += 1) {
      targetCount += readBlock(this.stream, first + row, blockLength, batch, row);
    }
    return { ...batch, targetCount, bytes: this.stream.bytes(first * blockLength + 1, targetCount) };
  }
}
