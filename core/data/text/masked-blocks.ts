import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Random } from '../../random';
import type { Tokenizer } from '../tokenizer/tokenizer';
import { HeldOutBlocks, IGNORED, TrainingBlocks } from './batches';
import type { TokenStream } from './token-stream';

/** Identifies the random stream that decides what is masked. */
const MASK_STREAM = 301;

/** Held-out text is masked in the same way in every run, so that runs can be compared. */
const HELD_OUT_SEED = 0;

/** Of the target tokens, the share that is masked, and the share that is replaced (Devlin et al., 2019, section 3.1). */
const HIDDEN = 0.8;
const EXCHANGED = 0.1;

/** B sequences of T tokens, at most S of which per sequence are to be predicted. */
export interface MaskedBatch {
  /** [B * T], with special tokens around each sequence. */
  readonly ids: Int32Array;
  /** [B * T]: 1 for a token, 0 for padding. */
  readonly mask: Int32Array;
  /** [B * S]: positions in `ids` of the tokens to predict. */
  readonly positions: Int32Array;
  /** [B * S]: the original tokens, or `IGNORED` in unused slots. */
  readonly targets: Int32Array;
  /** Targets that are not ignored. */
  readonly targetCount: number;
}

export interface MaskedBlockOptions {
  readonly tokenizer: Tokenizer;
  /** T: tokens per sequence, including special tokens. */
  readonly blockLength: number;
  /** B: sequences per batch. */
  readonly batchSize: number;
  /** Share of the tokens that are to be predicted. */
  readonly maskShare: number;
}

/** Adds special tokens around pieces of text and masks some tokens. Every sequence has the same number of slots. */
class Masker {
  /** Text tokens per sequence. */
  readonly textLength: number;
  /** S: maximum number of tokens to predict per sequence. */
  readonly slots: number;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #maskId: number;
  readonly #special: ReadonlySet<number>;

  readonly #options: MaskedBlockOptions;

  /** @throws UserError `tokenizer.no-mask`, `data.block-too-short` */
  constructor(options: MaskedBlockOptions) {
    this.#options = options;
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
   * @param counts tokens of each text; the rest is padding [B]
   * @param randomOf what the masks of a row are drawn with
   */
  batch(texts: Int32Array, counts: readonly number[], randomOf: (row: number) => Random): MaskedBatch {
    const { blockLength, batchSize } = this.#options;
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
      // An unused slot points to the first token, and is ignored.
      positions.fill(start, row * this.slots, (row + 1) * this.slots);
      const random = randomOf(row);
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

  /** Positions of the tokens to predict: `maskShare` of the tokens that are not special, uniformly drawn. */
  #draw(text: Int32Array, random: Random): Int32Array {
    const candidates = Int32Array.from(text.keys()).filter((position) => !this.#special.has(text[position]!));
    const wanted = Math.max(1, Math.round(this.#options.maskShare * candidates.length));
    const count = Math.min(wanted, this.slots, candidates.length);
    for (let i = 0; i < count; i++) {
      const j = i + random.int(candidates.length - i);
      [candidates[i], candidates[j]] = [candidates[j]!, candidates[i]!];
    }
    return candidates.subarray(0, count);
  }

  /** The input in place of a token to predict. */
  #shown(token: number, random: Random): number {
    const draw = random.uniform();
    if (draw < HIDDEN) return this.#maskId;
    if (draw >= HIDDEN + EXCHANGED) return token;
    for (;;) {
      const other = random.int(this.#options.tokenizer.vocabSize);
      if (!this.#special.has(other)) return other;
    }
  }
}

/** Shuffled training batches. A batch depends only on the seed and its number, so a resumed run needs no state. */
export class MaskedTrainingBlocks {
  readonly #masker: Masker;
  readonly #blocks: TrainingBlocks;

  readonly #options: MaskedBlockOptions & { readonly seed: number };

  /** @throws UserError `data.too-short` and those of the tokenizer */
  constructor(stream: TokenStream, options: MaskedBlockOptions & { readonly seed: number }) {
    this.#options = options;
    this.#masker = new Masker(options);
    const { batchSize, seed } = options;
    this.#blocks = new TrainingBlocks(stream, { batchSize, seed, blockLength: this.#masker.textLength });
  }

  /** Sequences of one epoch. */
  get blocks(): number {
    return this.#blocks.blocks;
  }

  /** S: maximum number of tokens to predict per sequence. */
  get slots(): number {
    return this.#masker.slots;
  }

  /** Batch by number (from 0): every epoch has the whole text once, with different masks. */
  batch(number: number): MaskedBatch {
    const { batchSize, seed } = this.#options;
    const { inputs } = this.#blocks.batch(number);
    const counts = Array<number>(batchSize).fill(this.#masker.textLength);
    const random = new Random(seed, MASK_STREAM, number);
    return this.#masker.batch(inputs, counts, () => random);
  }
}

/** All held-out text in order, in batches of one shape; a block is masked in the same way every time. */
export class MaskedHeldOutBlocks {
  readonly #masker: Masker;
  readonly #blocks: HeldOutBlocks;

  /** @throws UserError `data.too-short` and those of the tokenizer */
  constructor(stream: TokenStream, options: MaskedBlockOptions) {
    this.#masker = new Masker(options);
    const { batchSize } = options;
    this.#blocks = new HeldOutBlocks(stream, { batchSize, blockLength: this.#masker.textLength });
  }

  /** The batches of a part of the text: see `HeldOutBlocks.part`. */
  *part(share = 1): Iterable<MaskedBatch> {
    const { textLength } = this.#masker;
    for (const { inputs, targets, blocks } of this.#blocks.part(share)) {
      const counts = blocks.map((_, row) => {
        const end = targets.subarray(row * textLength, (row + 1) * textLength).indexOf(IGNORED);
        return end < 0 ? textLength : end;
      });
      yield this.#masker.batch(inputs, counts, (row) => new Random(HELD_OUT_SEED, MASK_STREAM, blocks[row]!));
    }
  }
}
