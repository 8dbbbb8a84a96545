/**
 * Maps (context node, token) to the node of the longer n-gram: open addressing over typed arrays, because a corpus of a
 * few million tokens has as many n-grams, and a `Map` of them would take gigabytes. Nodes are numbered from 0, in the
 * order in which they are added.
 */
export class ChildTable {
  /** Number of nodes. */
  size = 0;
  /** Context of each node [size]. */
  parents = new Int32Array(1024);
  /** Last token of each node [size]. */
  tokens = new Int32Array(1024);
  /** Node + 1 in each slot, 0 if it is empty; the length is a power of two. */
  #slots = new Int32Array(4096);

  /** The node, or -1 if there is none. */
  find(parent: number, token: number): number {
    return this.#slots[this.#slot(parent, token)]! - 1;
  }

  /** The node, which is added if it is new. */
  add(parent: number, token: number): number {
    const slot = this.#slot(parent, token);
    const found = this.#slots[slot]! - 1;
    if (found >= 0) return found;
    if (this.size === this.parents.length) this.#grow();
    const node = this.size;
    this.parents[node] = parent;
    this.tokens[node] = token;
    this.size += 1;
    this.#slots[this.#slot(parent, token)] = node + 1;
    return node;
  }

  #slot(parent: number, token: number): number {
    const mask = this.#slots.length - 1;
    const hash = Math.imul(parent ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(token + 0x7f4a7c15, 0xc2b2ae35);
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const node = this.#slots[slot]! - 1;
      if (node < 0 || (this.parents[node] === parent && this.tokens[node] === token)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const wider = (old: Int32Array<ArrayBuffer>) => {
      const wide = new Int32Array(old.length * 2);
      wide.set(old);
      return wide;
    };
    this.parents = wider(this.parents);
    this.tokens = wider(this.tokens);
    this.#slots = new Int32Array(this.parents.length * 4);
    for (let node = 0; node < this.size; node += 1) {
      this.#slots[this.#slot(this.parents[node]!, this.tokens[node]!)] = node + 1;
    }
  }
}
