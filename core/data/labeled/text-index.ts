import { str as crc32 } from 'crc-32';
import type { LabeledTexts } from './texts';

const EMPTY = -1;

/**
 * Finds samples by their text: an open-addressing table of numbers, 16 to 32 bytes per sample, where a map of strings
 * would hold every text again. Texts are the same that differ only in case, white space and Unicode composition.
 */
export class TextIndex {
  private readonly slots: Int32Array;
  /** Of the sample in each slot: most others are told apart without decoding a text. */
  private readonly hashes: Int32Array;

  /** @param set up to 2^29 samples; those that `add` was called for are found */
  constructor(private readonly set: LabeledTexts) {
    let length = 4;
    while (length < 2 * set.size) length *= 2;
    this.slots = new Int32Array(length).fill(EMPTY);
    this.hashes = new Int32Array(length);
  }

  /** Adds a sample. @returns the one with the same text that was added before it, if there is one */
  add(index: number): number | undefined {
    const key = keyOf(this.set, index);
    const slot = this.slotOf(key);
    if (this.slots[slot] !== EMPTY) return this.slots[slot];
    this.slots[slot] = index;
    this.hashes[slot] = crc32(key);
    return undefined;
  }

  /** The sample with the same text as one of another set. */
  find(other: LabeledTexts, index: number): number | undefined {
    const found = this.slots[this.slotOf(keyOf(other, index))]!;
    return found === EMPTY ? undefined : found;
  }

  /** The slot that holds this text, or the empty one where it belongs. */
  private slotOf(key: string): number {
    const hash = crc32(key);
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.slots[slot]!;
      if (index === EMPTY) return slot;
      if (this.hashes[slot] === hash && keyOf(this.set, index) === key) return slot;
    }
  }
}

const normal = (text: string) => text.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();

/** What is the same for samples that count as the same; no text holds the character between the two. */
const keyOf = (set: LabeledTexts, index: number) =>
  set.hasPairs ? `${normal(set.text(index))}\0${normal(set.pair(index) ?? '')}` : normal(set.text(index));
