/**
 * Makes the `precompiled_charsmap` of a SentencePiece model out of rules: a double-array trie of the bytes to be replaced, as
 * the library Darts writes it, and the texts that take their place. In base64.
 */
export function charsmap(rules: Readonly<Record<string, string>>): string {
  const texts = Buffer.from(
    Object.values(rules)
      .map((text) => `${text}\0`)
      .join(''),
  );
  const keys: { readonly bytes: Buffer; readonly value: number }[] = [];
  let at = 0;
  for (const [key, text] of Object.entries(rules)) {
    keys.push({ bytes: Buffer.from(key), value: at });
    at += Buffer.byteLength(text) + 1;
  }
  const units = new Units();
  units.place(0, 0, keys, 0);
  // Where a byte leads from a unit is read before it is known to be of that unit.
  const size = 256 * Math.ceil(units.words.length / 256);
  const trie = Buffer.alloc(4 + 4 * size);
  trie.writeUInt32LE(4 * size, 0);
  for (const [i, unit] of units.words.entries()) trie.writeUInt32LE(unit >>> 0, 4 + 4 * i);
  return Buffer.concat([trie, texts]).toString('base64');
}

type Keys = readonly { readonly bytes: Buffer; readonly value: number }[];

/** Units: the label in bits 0 to 7, whether a value follows in bit 8, the way to the children in bits 10 and up. */
class Units {
  readonly words: number[] = [];
  readonly #taken = new Set<number>([0]);

  /** Fills unit `index` for the keys that share their first `depth` bytes, and places its children. */
  place(index: number, label: number, keys: Keys, depth: number): void {
    const ended = keys.find(({ bytes }) => bytes.length === depth);
    const children = new Map<number, Keys>();
    for (const key of keys)
      if (key.bytes.length > depth) {
        const byte = key.bytes[depth]!;
        children.set(byte, [...(children.get(byte) ?? []), key]);
      }
    const labels = [...(ended ? [0] : []), ...children.keys()];
    let base = 1;
    while (labels.some((byte) => this.#taken.has(base ^ byte))) base++;
    for (const byte of labels) this.#taken.add(base ^ byte);
    this.#set(index, label | (ended ? 0x100 : 0) | ((index ^ base) << 10));
    if (ended) this.#set(base, ended.value | 0x80000000);
    for (const [byte, some] of children) this.place(base ^ byte, byte, some, depth + 1);
  }

  #set(index: number, word: number): void {
    while (this.words.length <= index) this.words.push(0);
    this.words[index] = word;
  }
}
