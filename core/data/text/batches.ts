import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Permutation } from '../permutation';
import type { TokenStream } from './token-stream';

/** Target of a position that is ignored in the loss. */
export const IGNORED = -1;

/** B sequences of T tokens; `targets` is the token after each of the `inputs`, or `IGNORED`. */
export interface TokenBatch {
  /** [B * T] */
  readonly inputs: Int32Array;
  /** [B * T] */
  readonly targets: Int32Array;
}

/** A batch with the counts that turn a sum of losses into means: per token, and per byte of text. */
export interface HeldOutBatch extends TokenBatch {
  /** Targets that are not ignored. */
  readonly targetCount: number;
  /** UTF-8 bytes of the text of these targets. */
  readonly bytes: number;
}

export interface BlockOptions {
  /** T: tokens per sequence. */
  readonly blockLength: number;
  /** B: sequences per batch. */
  readonly batchSize: number;
}

/**
 * Block `index` consists of tokens `index * T` to `index * T + T` of the stream, T + 1 of them: blocks overlap by one
 * token, so that every token except the stream's first is a target once. Returns how many targets the stream has for
 * the block.
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

/** The whole blocks of a stream, by number from 0, in any order. */
export class WholeBlocks {
  readonly count: number;

  readonly #stream: TokenStream;
  readonly #options: BlockOptions;

  /** @throws UserError `data.too-short` if the stream is shorter than one block */
  constructor(stream: TokenStream, options: BlockOptions) {
    this.#stream = stream;
    this.#options = options;
    this.count = Math.floor((stream.length - 1) / options.blockLength);
    if (this.count < 1) throw tooShort('training', stream, options.blockLength + 1);
  }

  /** Up to B blocks, one per row; targets in the remaining rows are ignored. */
  batch(blocks: Iterable<number>): TokenBatch {
    const batch = emptyBatch(this.#options);
    let row = 0;
    for (const block of blocks) readBlock(this.#stream, block, this.#options.blockLength, batch, row++);
    return batch;
  }
}

/** Shuffled training batches. A batch depends only on the seed and the step, so a resumed run needs no state. */
export class TrainingBlocks {
  /** Whole blocks in the stream: the sequences of one epoch. */
  readonly blocks: number;
  readonly #whole: WholeBlocks;

  readonly #options: BlockOptions & { readonly seed: number };

  /** @throws UserError `data.too-short` if the stream is shorter than one block */
  constructor(stream: TokenStream, options: BlockOptions & { readonly seed: number }) {
    this.#options = options;
    this.#whole = new WholeBlocks(stream, options);
    this.blocks = this.#whole.count;
  }

  /** Batch of a step (from 0). Every epoch visits each block once, in a different order. */
  batch(step: number): TokenBatch {
    const { batchSize, seed } = this.#options;
    const blocks = Array.from({ length: batchSize }, (_, row) => {
      const position = step * batchSize + row;
      const order = new Permutation(this.blocks, seed, Math.floor(position / this.blocks));
      return order.at(position % this.blocks);
    });
    return this.#whole.batch(blocks);
  }
}

/**
 * A part of the held-out text consists of stretches of about this many tokens (or one block, if that is longer), however large
 * batches are: models that were trained with other batches are evaluated on the same text.
 */
const STRETCH_TOKENS = 2048;

/** All held-out tokens in order, in batches of one shape; the last one is padded with ignored targets. */
export class HeldOutBlocks {
  /** Targets of all blocks. */
  readonly targetCount: number;
  /** UTF-8 bytes of all targets. */
  readonly bytes: number;

  readonly #stream: TokenStream;
  readonly #options: BlockOptions;
  readonly #blocks: number;

  /** @throws UserError `data.too-short` if there is nothing to predict */
  constructor(stream: TokenStream, options: BlockOptions) {
    this.#stream = stream;
    this.#options = options;
    if (stream.length < 2) throw tooShort('held-out', stream, 2);
    this.targetCount = stream.length - 1;
    this.#blocks = Math.ceil(this.targetCount / options.blockLength);
    this.bytes = stream.bytes(1, this.targetCount);
  }

  /**
   * The batches of a part of the text.
   * @param share of the text, in stretches that are evenly spaced, at least one; 1 for all
   */
  *part(share = 1): Iterable<HeldOutBatch & { readonly blocks: readonly number[] }> {
    const { batchSize } = this.#options;
    const chosen = this.#chosen(share);
    for (let at = 0; at < chosen.length; at += batchSize) yield this.#batch(chosen.slice(at, at + batchSize));
  }

  /** The numbers of the blocks of a part. */
  #chosen(share: number): number[] {
    const size = Math.max(1, Math.round(STRETCH_TOKENS / this.#options.blockLength));
    const stretches = Math.ceil(this.#blocks / size);
    const count = Math.max(1, Math.round(stretches * share));
    return Array.from({ length: count }, (_, i) => Math.floor((i * stretches) / count)).flatMap((stretch) =>
      Array.from({ length: Math.min(size, this.#blocks - stretch * size) }, (_, i) => stretch * size + i),
    );
  }

  #batch(blocks: readonly number[]) {
    const { blockLength } = this.#options;
    const batch = emptyBatch(this.#options);
    let targetCount = 0;
    let bytes = 0;
    for (const [row, block] of blocks.entries()) {
      const targets = readBlock(this.#stream, block, blockLength, batch, row);
      targetCount += targets;
      bytes += this.#stream.bytes(block * blockLength + 1, targets);
    }
    return { ...batch, targetCount, bytes, blocks };
  }
}
