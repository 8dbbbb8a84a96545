import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Random } from '../../random';
import type { Tokenizer } from '../tokenizer/tokenizer';
import { HeldOutBlocks, IGNORED, TrainingBlocks } from './batches';
import type { TokenStream } from './token-stream';

/** Name of the stream of random numbers that decides what is masked. */
const MASK_STREAM = 301;

/** What is held out is masked alike in every run, so that runs can be compared. */
const HELD_OUT_SEED = 0;

/** Of the tokens to guess, how many are hidden, and how many of the rest are exchanged (Devlin et al., 2019, section 3.1). */
const HIDDEN = 0.8;
const EXCHANGED = 0.1;

/** B sequences of T tokens with some to guess, S of them in each sequence at most. */
export interface MaskedBatch {
  /** [B * T], special tokens around each sequence. */
  readonly ids: Int32Array;
  /** [B * T]: 1 for a token, 0 for padding. */
  readonly mask: Int32Array;
  /** [B * S]: where in `ids` the tokens to guess are. */
  readonly positions: Int32Array;
  /** [B * S]: what they were, or `IGNORED` in places that are left over. */
  readonly targets: Int32Array;
  /** Targets that count. */
  readonly targetCount: number;
}

export interface MaskedBlockOptions {
  readonly tokenizer: Tokenizer;
  /** T: tokens per sequence, special ones included. */
  readonly blockLength: number;
  /** B: sequences per batch. */
  readonly batchSize: number;
  /** Share of the tokens that are to be guessed. */
  readonly maskShare: number;
}

/** Puts special tokens around pieces of text and hides some of theirs. Every sequence has as many places to guess. */
class Masker {
  /** Tokens of text in a sequence. */
  readonly textLength: number;
  /** S: most tokens to guess in a sequence. */
  readonly slots: number;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #maskId: number;
  readonly #special: ReadonlySet<number>;

  /** @throws UserError `tokenizer.no-mask`, `data.block-too-short` */
  constructor(private readonly options: MaskedBlockOptions) {
    const { templates, maskId, specialIds = new Set() } = options.tokenizer;
    if (!templates || maskId === undefined)
      throw new UserError(
        'tokenizer.no-mask',
        l10n.t('The tokenizer has no mask token, or does not define the special tokens around a text.'),
        l10n.t('Use a tokenizer of the BERT family, with [MASK] and a post_processor.'),
      );
    const at = templates.single.findIndex(({ put }) => put === 'first');
    const fixed = (from: number, to?: number) =>
      templates.single.slice(from, to).flatMap(({ put }) => (typeof put === 'number' ? [put] : []));
    this.#before = fixed(0, at);
    this.#after = fixed(at + 1);
    this.#maskId = maskId;
    this.#special = specialIds;
    this.textLength = options.blockLength - this.#before.length - this.#after.length;
    this.slots = Math.max(1, Math.round(options.maskShare * this.textLength));
    if (this.textLength < 2)
      throw new UserError(
        'data.block-too-short',
        l10n.t`data.blockLength is ${options.blockLength}, which leaves no room for text next to the special tokens.`,
        l10n.t('Use a longer blockLength.'),
      );
  }

  /**
   * @param texts [B * textLength]
   * @param counts tokens of each text, the rest is padding [B]
   */
  batch(texts: Int32Array, counts: readonly number[], random: Random): MaskedBatch {
    const { blockLength, batchSize } = this.options;
    const ids = new Int32Array(batchSize * blockLength);
    const mask = new Int32Array(batchSize * blockLength);
    const positions = new Int32Array(batchSize * this.slots);
    const targets = new Int32Array(batchSize * this.slots).fill(IGNORED);
    let targetCount = 0;
    for (const [row, count] of counts.entries()) {
      const start = row * blockLength;
      const text = texts.subarray(row * this.textLength, row * this.textLength + count);
      const sequence = [...this.#before, ...text, ...this.#after];
      ids.set(sequence, start);
      mask.fill(1, start, start + sequence.length);
      // A place that is left over looks at the first token, and does not count.
      positions.fill(start, row * this.slots, (row + 1) * this.slots);
      for (const [slot, position] of this.#draw(text, random).entries()) {
        const at = start + this.#before.length + position;
        positions[row * this.slots + slot] = at;
        targets[row * this.slots + slot] = text[position]!;
        ids[at] = this.#shown(text[position]!, random);
        targetCount += 1;
      }
    }
    return { ids, mask, positions, targets, targetCount };
  }

  /** Where the tokens to guess are: as many as the share says, none of them special, all equally likely. */
  #draw(text: Int32Array, random: Random): Int32Array {
    const candidates = Int32Array.from(text.keys()).filter((position) => !this.#special.has(text[position]!));
    const wanted = Math.max(1, Math.round(this.options.maskShare * candidates.length));
    const count = Math.min(wanted, this.slots, candidates.length);
    for (let i = 0; i < count; i++) {
      const j = i + random.int(candidates.length - i);
      [candidates[i], candidates[j]] = [candidates[j]!, candidates[i]!];
    }
    return candidates.subarray(0, count);
  }

  /** What stands in the place of a token to guess. */
  #shown(token: number, random: Random): number {
    const draw = random.uniform();
    if (draw < HIDDEN) return this.#maskId;
    if (draw >= HIDDEN + EXCHANGED) return token;
    for (;;) {
      const other = random.int(this.options.tokenizer.vocabSize);
      if (!this.#special.has(other)) return other;
    }
  }
}

/** Shuffled training batches. A batch depends on the seed and its number alone, so a resumed run needs no state. */
export class MaskedTrainingBlocks {
  readonly #masker: Masker;
  readonly #blocks: TrainingBlocks;

  /** @throws UserError `data.too-short` and those of the tokenizer */
  constructor(
    stream: TokenStream,
    private readonly options: MaskedBlockOptions & { readonly seed: number },
  ) {
    this.#masker = new Masker(options);
    const { batchSize, seed } = options;
    this.#blocks = new TrainingBlocks(stream, { batchSize, seed, blockLength: this.#masker.textLength });
  }

  /** Sequences of one epoch. */
  get blocks(): number {
    return this.#blocks.blocks;
  }

  /** S: places to guess in a sequence. */
  get slots(): number {
    return this.#masker.slots;
  }

  /** Batch of that number (from 0): the text of one epoch once, masked anew each time. */
  batch(number: number): MaskedBatch {
    const { batchSize, seed } = this.options;
    const { inputs } = this.#blocks.batch(number);
    const counts = Array<number>(batchSize).fill(this.#masker.textLength);
    return this.#masker.batch(inputs, counts, new Random(seed, MASK_STREAM, number));
  }
}

/** All held-out text in order, in batches of one shape, masked in the same way every time. */
export class MaskedHeldOutBlocks {
  readonly #masker: Masker;
  readonly #blocks: HeldOutBlocks;

  /** @throws UserError `data.too-short` and those of the tokenizer */
  constructor(
    stream: TokenStream,
    private readonly options: MaskedBlockOptions,
  ) {
    this.#masker = new Masker(options);
    const { batchSize } = options;
    this.#blocks = new HeldOutBlocks(stream, { batchSize, blockLength: this.#masker.textLength });
  }

  get batches(): number {
    return this.#blocks.batches;
  }

  batch(index: number): MaskedBatch {
    const { inputs, targets } = this.#blocks.batch(index);
    const { textLength } = this.#masker;
    const counts = Array.from({ length: this.options.batchSize }, (_, row) => {
      const end = targets.subarray(row * textLength, (row + 1) * textLength).indexOf(IGNORED);
      return end < 0 ? textLength : end;
    });
    return this.#masker.batch(inputs, counts, new Random(HELD_OUT_SEED, MASK_STREAM, index));
  }
}
