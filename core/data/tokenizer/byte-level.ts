/** Byte-level BPE as in GPT-2 (Radford et al. 2019): how text is split into words, and how a word's bytes are written. */
import { fromOniguruma } from './parts/oniguruma';

/** Splits text into words; merges never cross words. The `ByteLevel` pre-tokenizer of `tokenizer.json` has it built in. */
export const WORDS = fromOniguruma(
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  'the pre-tokenizer ByteLevel',
);

/**
 * A copy of a word that is safe to keep: V8 takes a match out of its text without copying, so keeping the match would
 * keep the whole document in memory.
 */
export const detached = (word: string): string => Buffer.from(word, 'utf16le').toString('utf16le');

const isPrintable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);

/**
 * One printable character per byte value (length 256), so that a vocabulary can be written as JSON text: printable
 * Latin-1 characters represent themselves, all others are shifted above 255.
 */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let shifted = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : shifted++));
})();

/** The same 256 characters sorted by code point: the first 256 ids of a vocabulary, as in GPT-2. */
export const SORTED_BYTE_CHARACTERS: readonly string[] = [...BYTE_CHARACTERS].sort((a, b) => (a < b ? -1 : 1));
