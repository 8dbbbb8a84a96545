/** A pair of neighboring tokens, with its count at the time when it was put on the heap. */
interface Candidate {
  readonly left: number;
  readonly right: number;
  count: number;
}

/** Most frequent first; ties go to the pair with the lower ids, so that the result depends only on the text. */
const isBefore = (a: Candidate, b: Candidate) =>
  a.count !== b.count ? a.count > b.count : a.left !== b.left ? a.left < b.left : a.right < b.right;

class CandidateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    let at = this.#items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, this.#items[parent]!)) break;
      this.#items[at] = this.#items[parent]!;
      at = parent;
    }
    this.#items[at] = item;
  }

  pop(): Candidate | undefined {
    const first = this.#items[0];
    const item = this.#items.pop();
    const size = this.#items.length;
    if (first === undefined || item === undefined || size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(this.#items[child + 1]!, this.#items[child]!)) child += 1;
      if (!isBefore(this.#items[child]!, item)) break;
      this.#items[at] = this.#items[child]!;
      at = child;
    }
    this.#items[at] = item;
    return first;
  }
}

/** Two ids as one number; exact for vocabularies below 2^26. */
const pairKey = (left: number, right: number) => left * 0x4000000 + right;

/**
 * Learns BPE merges from words with counts. Pair counts are updated by visiting only the words that contain the merged
 * pair, so the cost depends on the words that change, not on the corpus times the vocabulary.
 */
export class MergeLearner {
  readonly #tokens: string[];
  readonly #words: number[][] = [];
  readonly #wordCounts: number[] = [];
  readonly #pairCounts = new Map<number, number>();
  /** Words that contain a pair, or once did: a word is checked again before it is changed. */
  readonly #wordsOfPair = new Map<number, Set<number>>();

  readonly #continuation: string;

  /** @param continuation prefix of tokens that continue a word; dropped when they are merged with what precedes them */
  constructor(alphabet: readonly string[], continuation = '') {
    this.#continuation = continuation;
    this.#tokens = [...alphabet];
  }

  /** Adds a word, given as ids of the alphabet, that occurs `count` times. */
  addWord(word: number[], count: number): void {
    const index = this.#words.push(word) - 1;
    this.#wordCounts.push(count);
    this.#countPairs(index, word, count);
  }

  /** Merges until there are `limit` new tokens or the best pair occurs fewer than `minCount` times. Call once. */
  learn(limit: number, minCount: number): { tokens: string[]; merges: [string, string][] } {
    const heap = new CandidateHeap();
    for (const [key, count] of this.#pairCounts) {
      heap.push({ left: Math.floor(key / 0x4000000), right: key % 0x4000000, count });
    }
    const idOf = new Map(this.#tokens.map((token, id) => [token, id]));
    const full = this.#tokens.length + limit;
    const merges: [string, string][] = [];
    while (this.#tokens.length < full) {
      const best = heap.pop();
      if (best === undefined) break;
      const count = this.#pairCounts.get(pairKey(best.left, best.right)) ?? 0;
      if (count !== best.count) {
        // The count has gone down since it was pushed: back into the queue.
        if (count >= minCount) heap.push({ ...best, count });
        continue;
      }
      if (count < minCount) break;

      const left = this.#tokens[best.left]!;
      const right = this.#tokens[best.right]!;
      merges.push([left, right]);
      const spelled = left + (right.startsWith(this.#continuation) ? right.slice(this.#continuation.length) : right);
      // Two different pairs can spell the same token, which keeps its id.
      let merged = idOf.get(spelled);
      if (merged === undefined) {
        merged = this.#tokens.push(spelled) - 1;
        idOf.set(spelled, merged);
      }
      for (const pair of this.#merge(best.left, best.right, merged)) heap.push(pair);
    }
    return { tokens: this.#tokens, merges };
  }

  /** Replaces the pair in every word; returns the pairs that became more frequent, with their new counts. */
  #merge(left: number, right: number, merged: number): Candidate[] {
    const key = pairKey(left, right);
    const grown = new Map<number, Candidate>();
    for (const index of this.#wordsOfPair.get(key) ?? []) {
      const word = this.#words[index]!;
      const next: number[] = [];
      for (let i = 0; i < word.length; i += 1) {
        if (word[i] === left && word[i + 1] === right) {
          next.push(merged);
          i += 1;
        } else {
          next.push(word[i]!);
        }
      }
      if (next.length === word.length) continue;
      const count = this.#wordCounts[index]!;
      this.#countPairs(index, word, -count);
      this.#countPairs(index, next, count);
      this.#words[index] = next;
      for (let i = 1; i < next.length; i += 1) {
        const [a, b] = [next[i - 1]!, next[i]!];
        if (a === merged || b === merged) grown.set(pairKey(a, b), { left: a, right: b, count: 0 });
      }
    }
    this.#pairCounts.delete(key);
    this.#wordsOfPair.delete(key);
    for (const [pair, candidate] of grown) candidate.count = this.#pairCounts.get(pair) ?? 0;
    return [...grown.values()];
  }

  #countPairs(index: number, word: readonly number[], count: number): void {
    for (let i = 1; i < word.length; i += 1) {
      const key = pairKey(word[i - 1]!, word[i]!);
      this.#pairCounts.set(key, (this.#pairCounts.get(key) ?? 0) + count);
      if (count < 0) continue;
      const words = this.#wordsOfPair.get(key);
      if (words === undefined) this.#wordsOfPair.set(key, new Set([index]));
      else words.add(index);
    }
  }
}
