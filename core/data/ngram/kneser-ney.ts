import { ChildTable } from './child-table';

export interface KneserNeyOptions {
  /** Longest n-gram; 5 is customary. */
  readonly order: number;
  /** V: ids are 0 to V - 1. */
  readonly vocabSize: number;
}

/** How well a model predicts a text. */
export interface NgramEvaluation {
  /** Tokens that were predicted: all of them, the first ones from shorter contexts. */
  readonly tokens: number;
  /** Sum of -ln p. */
  readonly negativeLogLikelihood: number;
  /** exp of the mean of -ln p. */
  readonly perplexity: number;
}

/** The n-grams of one length. A node is one n-gram; its parent is the n-gram without the last token. */
interface Level {
  readonly children: ChildTable;
  /** (count - discount) / total of the context [nodes]. */
  readonly discounted: Float64Array;
  /** Mass that the discounts of a context leave to the shorter context [nodes of the level below; 1 at level 1]. */
  readonly backoff: Float64Array;
}

/**
 * Interpolated modified Kneser-Ney n-gram model over token ids: the strongest of the classic baselines.
 *
 *   p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h •)  +  λ(h) p(w | h'),   h' = h without its first token
 *
 * The longest n-grams use their counts; shorter ones the number of distinct tokens that precede them. The recursion ends
 * with the uniform distribution, so every token has a probability above zero. The text is one stream: end tokens are
 * ordinary tokens, and contexts reach across them, as in the packed blocks of the neural models that it is compared with.
 *
 * Source: Chen and Goodman 1998, "An empirical study of smoothing techniques for language modeling", sections 2.7 and 3.
 */
export class KneserNeyModel {
  readonly #levels: readonly Level[];

  private constructor(
    readonly order: number,
    readonly vocabSize: number,
    levels: readonly Level[],
  ) {
    this.#levels = levels;
  }

  /** Counts the n-grams of a text, which takes about 50 bytes per distinct n-gram. */
  static train(tokens: ArrayLike<number>, { order, vocabSize }: KneserNeyOptions): KneserNeyModel {
    const tables = Array.from({ length: order }, () => new ChildTable());
    const counts = Array.from({ length: order }, () => new Counter());
    // Node of the n-gram of each length that ends at the previous token.
    let previous: number[] = [];
    for (let i = 0; i < tokens.length; i += 1) {
      const token = tokens[i]!;
      const current: number[] = [];
      for (let level = 0; level < order && level <= i; level += 1) {
        const table = tables[level]!;
        const known = table.size;
        const node = table.add(level === 0 ? 0 : previous[level - 1]!, token);
        current.push(node);
        if (level === order - 1) counts[level]!.increment(node);
        // A new n-gram adds a distinct token that precedes the n-gram without its first token.
        if (node === known && level > 0) counts[level - 1]!.increment(current[level - 1]!);
      }
      previous = current;
    }
    const levels = tables.map((table, level) =>
      finish(table, counts[level]!.values, level === 0 ? 1 : tables[level - 1]!.size),
    );
    return new KneserNeyModel(order, vocabSize, levels);
  }

  /** p(token | context), the context oldest first; only its last `order - 1` tokens matter. */
  probability(context: ArrayLike<number>, token: number): number {
    let probability = 1 / this.vocabSize;
    for (let length = 0; length < this.order && length <= context.length; length += 1) {
      const parent = this.#find(context, length);
      if (parent < 0) break;
      const { children, discounted, backoff } = this.#levels[length]!;
      const node = children.find(parent, token);
      probability = (node < 0 ? 0 : discounted[node]!) + backoff[parent]! * probability;
    }
    return probability;
  }

  /** Predicts each token of a text from those before it. */
  evaluate(tokens: ArrayLike<number>): NgramEvaluation {
    let negativeLogLikelihood = 0;
    const text = Int32Array.from(tokens);
    for (const [i, token] of text.entries()) {
      negativeLogLikelihood -= Math.log(this.probability(text.subarray(Math.max(0, i - this.order + 1), i), token));
    }
    return {
      tokens: text.length,
      negativeLogLikelihood,
      perplexity: Math.exp(negativeLogLikelihood / text.length),
    };
  }

  /** Node of the last `length` tokens of a context, or -1; the empty context is node 0. */
  #find(context: ArrayLike<number>, length: number): number {
    let node = 0;
    for (let i = 0; i < length && node >= 0; i += 1) {
      node = this.#levels[i]!.children.find(node, context[context.length - length + i]!);
    }
    return node;
  }
}

class Counter {
  values = new Int32Array(1024);

  increment(index: number): void {
    if (index >= this.values.length) {
      const wide = new Int32Array(Math.max(index + 1, this.values.length * 2));
      wide.set(this.values);
      this.values = wide;
    }
    this.values[index]! += 1;
  }
}

/** Turns the counts of one n-gram length into what predictions need. */
function finish(children: ChildTable, counts: Int32Array, contexts: number): Level {
  const discount = discounts(counts.subarray(0, children.size));
  const total = new Float64Array(contexts);
  const left = new Float64Array(contexts);
  for (let node = 0; node < children.size; node += 1) {
    const count = counts[node] ?? 0;
    const parent = children.parents[node]!;
    total[parent]! += count;
    left[parent]! += discount[Math.min(count, 3)]!;
  }
  const discounted = new Float64Array(children.size);
  for (let node = 0; node < children.size; node += 1) {
    const count = counts[node] ?? 0;
    if (count > 0) discounted[node] = (count - discount[Math.min(count, 3)]!) / total[children.parents[node]!]!;
  }
  // A context that occurs only at the end of the text is never followed by a token: all mass goes to the shorter one.
  const backoff = left.map((mass, context) => (total[context]! > 0 ? mass / total[context]! : 1));
  return { children, discounted, backoff };
}

/** D for counts of 0, 1, 2, and 3 or more (equation 26); the usual constants if a small text lacks some of these. */
function discounts(counts: Int32Array): readonly [number, number, number, number] {
  const having = [0, 0, 0, 0, 0];
  for (const count of counts) if (count <= 4) having[count]! += 1;
  const [, n1, n2, n3, n4] = having as [number, number, number, number, number];
  const y = n1 / (n1 + 2 * n2);
  const estimates = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3] as const;
  const areValid = estimates.every((estimate, i) => estimate > 0 && estimate <= i + 1);
  return areValid ? [0, ...estimates] : [0, 0.5, 1, 1.5];
}
