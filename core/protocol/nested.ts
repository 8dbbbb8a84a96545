import * as z from 'zod';

/**
 * The sizes of a nested model, as arithmetic: what a size costs, and which ranks the sizes between the trained ones have.
 * Panels compute with it, so it needs nothing but the numbers.
 */
export const nestedFacts = z.object({
  /** Each factored layer of y = u v x: u is [outputs, rank], v is [rank, inputs]. */
  layers: z.array(z.object({ name: z.string(), outputs: z.number(), inputs: z.number() })),
  /** The ranks of every trained size by layer, the largest size first. */
  sizes: z.array(z.record(z.string(), z.number())).min(1),
  /** Parameters outside of the factored layers. */
  fixedParameters: z.number(),
  /** How many of these are in linear layers that are not factored. */
  fixedLinear: z.number(),
  /** Linear parameters of the model without any factored layer. */
  fullLinear: z.number(),
  /** FLOP per token outside of the factored layers, if a token attends to `context` tokens. */
  fixedFlops: z.number(),
  context: z.number(),
});
export type NestedFacts = z.infer<typeof nestedFacts>;

type Ranks = Readonly<Record<string, number>>;

/** What a size costs. */
export interface SizeCost {
  readonly parameters: number;
  /** Parameters of the linear layers. */
  readonly linear: number;
  /** Their share of those of the model without any factored layer. */
  readonly linearShare: number;
  /** Of the forward pass, 2 per multiply-add. */
  readonly flopsPerToken: number;
}

/** Parameters of the factored layers. */
const factored = ({ layers }: NestedFacts, ranks: Ranks): number =>
  layers.reduce((sum, { name, outputs, inputs }) => sum + (ranks[name] ?? 0) * (outputs + inputs), 0);

export function costOf(facts: NestedFacts, ranks: Ranks): SizeCost {
  const parameters = factored(facts, ranks);
  const linear = facts.fixedLinear + parameters;
  return {
    parameters: facts.fixedParameters + parameters,
    linear,
    linearShare: linear / facts.fullLinear,
    flopsPerToken: facts.fixedFlops + 2 * parameters,
  };
}

/** A quantity that a size can be asked for by. */
export const sizeUnits = ['size', 'parameters', 'flops'] as const;
/** The share of the linear parameters, all parameters, or FLOP per token. */
export type SizeUnit = (typeof sizeUnits)[number];

export function amountOf(unit: SizeUnit, { linearShare, parameters, flopsPerToken }: SizeCost): number {
  return { size: linearShare, parameters, flops: flopsPerToken }[unit];
}

/** The parameters of the factored layers that a budget leaves; a share that was divided before is met exactly. */
function factoredBudget(facts: NestedFacts, unit: SizeUnit, budget: number): number {
  switch (unit) {
    case 'size':
      return Math.floor(budget * facts.fullLinear * ROUNDING) - facts.fixedLinear;
    case 'parameters':
      return budget - facts.fixedParameters;
    case 'flops':
      return (budget - facts.fixedFlops) / 2;
  }
}

/** Far more than the rounding of a quotient, and less than a parameter of a model of a trillion. */
const ROUNDING = 1 + 1e-12;
/** Halvings that tell any two steps apart: with ranks below 2^24, these lie at least 2^-48 apart. */
const HALVINGS = 50;

/**
 * The ranks of the largest size within a budget. From one trained size to the next, all layers grow in proportion, one
 * rank at a time; of layers whose turn it is at the same time, the first in the model is the first. So every size lies
 * within all larger ones, and the trained sizes are among them.
 * @returns undefined if even the smallest trained size is too large; for a large budget, the largest trained size
 */
export function ranksWithin(facts: NestedFacts, unit: SizeUnit, budget: number): Ranks | undefined {
  const { layers, sizes } = facts;
  const left = factoredBudget(facts, unit, budget);
  const fits = (ranks: Ranks) => factored(facts, ranks) <= left;
  const at = sizes.findIndex(fits);
  if (at < 0) return undefined;
  const small = sizes[at]!;
  if (at === 0) return small;
  const large = sizes[at - 1]!;
  const between = (share: number): Record<string, number> =>
    Object.fromEntries(
      layers.map(({ name }) => {
        const from = small[name] ?? 0;
        return [name, from + Math.floor(share * ((large[name] ?? 0) - from))];
      }),
    );
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (fits(between(middle))) low = middle;
    else high = middle;
  }
  const ranks = between(low);
  const next = between(high);
  for (const { name } of layers) {
    if (ranks[name] === next[name]) continue;
    const grown = { ...ranks, [name]: next[name]! };
    if (!fits(grown)) break;
    ranks[name] = next[name]!;
  }
  return ranks;
}

/** The index of the trained size with these ranks; -1 for a size between trained ones. */
export const trainedSize = ({ layers, sizes }: NestedFacts, ranks: Ranks): number =>
  sizes.findIndex((size) => layers.every(({ name }) => size[name] === ranks[name]));

/** The lowest and the highest rank. */
export function rankRange(ranks: Ranks): { readonly least: number; readonly most: number } {
  const all = Object.values(ranks);
  return { least: all.reduce((a, b) => Math.min(a, b)), most: all.reduce((a, b) => Math.max(a, b)) };
}

/** `44–104`, or `44` if all are equal. */
export function rankText(ranks: Ranks): string {
  const { least, most } = rankRange(ranks);
  return least === most ? String(least) : `${least}–${most}`;
}
