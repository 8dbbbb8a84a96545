const WORDS = 4;

/**
 * A set of 128-bit digests with open addressing: 16 bytes per slot, at most half of them used; a `Set` of strings would
 * need over 100 bytes per entry. All-zero digests mark empty slots, which a hash never is in practice.
 */
export class DigestSet {
  #slots = new Uint32Array(1024 * WORDS);
  #size = 0;

  /** Adds a digest (at least 16 bytes); returns false if it was already there. */
  add(digest: Buffer): boolean {
    if (this.#size * 2 * WORDS >= this.#slots.length) this.#grow();
    const entry = Uint32Array.from({ length: WORDS }, (_, i) => digest.readUInt32LE(4 * i));
    const isNew = insert(this.#slots, entry, 0);
    if (isNew) this.#size += 1;
    return isNew;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) if (!isEmpty(old, at)) insert(this.#slots, old, at);
  }
}

const isEmpty = (slots: Uint32Array, at: number) =>
  slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0 && slots[at + 3] === 0;

const isEqual = (slots: Uint32Array, at: number, entry: Uint32Array, from: number) =>
  slots[at] === entry[from] &&
  slots[at + 1] === entry[from + 1] &&
  slots[at + 2] === entry[from + 2] &&
  slots[at + 3] === entry[from + 3];

function insert(slots: Uint32Array, entry: Uint32Array, from: number): boolean {
  const count = slots.length / WORDS;
  for (let slot = entry[from]! % count; ; slot = (slot + 1) % count) {
    const at = slot * WORDS;
    if (isEmpty(slots, at)) {
      slots.set(entry.subarray(from, from + WORDS), at);
      return true;
    }
    if (isEqual(slots, at, entry, from)) return false;
  }
}
