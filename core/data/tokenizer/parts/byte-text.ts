import { BYTE_CHARACTERS } from '../byte-level';

/** The UTF-8 bytes of a text, each as one printable character. */
export function spellBytes(text: string): string {
  let spelled = '';
  for (const byte of Buffer.from(text)) spelled += BYTE_CHARACTERS[byte]!;
  return spelled;
}

const BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** The bytes that a token represents: those of its characters if each represents one, otherwise its UTF-8 bytes. */
export function bytesOf(token: string): number[] {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTES.get(character);
    if (byte === undefined) return [...Buffer.from(token)];
    bytes.push(byte);
  }
  return bytes;
}
