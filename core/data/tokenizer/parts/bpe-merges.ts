/** The merge of two neighbors: its priority, and the resulting token. */
export interface Merge {
  readonly rank: number;
  readonly id: number;
}

/** Merges by the id of the left token, then of the right one. */
export type Merges = ReadonlyMap<number, ReadonlyMap<number, Merge>>;

/** Ranks and positions are below this, so that one key orders merges by rank, then from left to right. */
const POSITIONS = 2 ** 31;

/** Longer words use a heap: looking at all pairs for every merge takes quadratic time. */
const SHORT = 24;

/** Merges neighbors until no pair can be merged: always the pair of the lowest rank, the leftmost of several. */
export const mergeAll = (ids: number[], merges: Merges): number[] =>
  ids.length <= SHORT ? mergeShort(ids, merges) : mergeLong(ids, merges);

function mergeShort(ids: number[], merges: Merges): number[] {
  for (;;) {
    let best = -1;
    let rank = Infinity;
    let merged = 0;
    for (let i = 0; i + 1 < ids.length; i++) {
      const merge = merges.get(ids[i]!)?.get(ids[i + 1]!);
      if (merge && merge.rank < rank) {
        best = i;
        rank = merge.rank;
        merged = merge.id;
      }
    }
    if (best < 0) return ids;
    ids[best] = merged;
    ids.splice(best + 1, 1);
  }
}

function mergeLong(given: readonly number[], merges: Merges): number[] {
  const ids = Int32Array.from(given);
  const next = Int32Array.from(given, (_, i) => (i + 1 < given.length ? i + 1 : -1));
  const previous = Int32Array.from(given, (_, i) => i - 1);
  const gone = new Uint8Array(given.length);
  const heap = new Heap();
  const mergeAt = (i: number) => (next[i]! < 0 ? undefined : merges.get(ids[i]!)?.get(ids[next[i]!]!));
  const propose = (i: number) => {
    const merge = mergeAt(i);
    if (merge) heap.push(merge.rank * POSITIONS + i);
  };
  for (let i = 0; i < ids.length; i++) propose(i);
  for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
    const left = key % POSITIONS;
    const merge = gone[left] ? undefined : mergeAt(left);
    // The pair has changed since it was pushed.
    if (merge?.rank !== Math.floor(key / POSITIONS)) continue;
    const right = next[left]!;
    ids[left] = merge.id;
    gone[right] = 1;
    next[left] = next[right]!;
    if (next[left] >= 0) previous[next[left]] = left;
    if (previous[left]! >= 0) propose(previous[left]!);
    propose(left);
  }
  const result: number[] = [];
  for (let i = 0; i >= 0; i = next[i]!) result.push(ids[i]!);
  return result;
}

/** A min-heap of numbers. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (items.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return first;
  }
}
