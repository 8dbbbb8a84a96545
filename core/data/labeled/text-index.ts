import { str as crc32 } from 'crc-32';
import type { LabeledTexts } from './texts';

const EMPTY = -1;

/**
 * Finds samples by their text: an open-addressing table of numbers, 16 to 32 bytes per sample, where a map of strings
 * would store every text again. Texts that differ only in case, white space and Unicode composition are equal.
 */
export class TextIndex {
  readonly #slots: Int32Array;
  /** Hash of the sample in each slot; it rules out most other texts without decoding them. */
  readonly #hashes: Int32Array;

  readonly #set: LabeledTexts;

  /** @param set up to 2^29 samples; only those that were passed to `add` are found */
  constructor(set: LabeledTexts) {
    this.#set = set;
    let length = 4;
    while (length < 2 * set.size) length *= 2;
    this.#slots = new Int32Array(length).fill(EMPTY);
    this.#hashes = new Int32Array(length);
  }

  /** Adds a sample. @returns the sample with the same text that was added earlier, if any */
  add(index: number): number | undefined {
    const key = keyOf(this.#set, index);
    const slot = this.#slotOf(key);
    if (this.#slots[slot] !== EMPTY) return this.#slots[slot];
    this.#slots[slot] = index;
    this.#hashes[slot] = crc32(key);
    return undefined;
  }

  /** The sample with the same text as one of another set. */
  find(other: LabeledTexts, index: number): number | undefined {
    const found = this.#slots[this.#slotOf(keyOf(other, index))]!;
    return found === EMPTY ? undefined : found;
  }

  /** The slot with this text, or the empty slot where it belongs. */
  #slotOf(key: string): number {
    const hash = crc32(key);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]!;
      if (index === EMPTY) return slot;
      if (this.#hashes[slot] === hash && keyOf(this.#set, index) === key) return slot;
    }
  }
}

const normal = (text: string) => text.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();

/** Equal for samples that count as the same; no text contains the separator. */
const keyOf = (set: LabeledTexts, index: number) =>
  set.hasPairs ? `${normal(set.text(index))}\0${normal(set.pair(index) ?? '')}` : normal(set.text(index));
