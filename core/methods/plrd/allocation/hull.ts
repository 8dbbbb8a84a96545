import type { LinearLayer } from '../../../models/decoder/layout';
import { tooSmall, type Ranks } from './ranks';

/** One size of a layer: its elements, and the loss that it adds to that of the full model. */
export interface LayerSize {
  /** undefined: the layer stays full. */
  readonly rank: number | undefined;
  readonly cost: number;
  readonly loss: number;
}

/** The sizes that a layer can have, smallest first. */
export interface LayerSizes {
  readonly layer: Pick<LinearLayer, 'name'>;
  readonly sizes: readonly LayerSize[];
}

/** The sizes that are the best buy at some price per element: the lower convex hull of loss over cost, smallest first. */
export function lowerHull(sizes: readonly LayerSize[]): LayerSize[] {
  const hull: LayerSize[] = [];
  const slope = (from: LayerSize, to: LayerSize) => (to.loss - from.loss) / (to.cost - from.cost);
  for (const size of sizes) {
    // A size that costs more and does not lose less is never bought.
    if (hull.length > 0 && size.loss >= hull.at(-1)!.loss) continue;
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, size)) hull.pop();
    hull.push(size);
  }
  return hull;
}

/**
 * Ranks whose added losses have the smallest sum within a budget of elements: from the smallest sizes on, each time the step
 * along a layer's hull that saves the most loss per element (optimal wherever the budget ends at such a step; Fox 1966,
 * "Discrete optimization via marginal analysis"). What remains of the budget goes to the best single changes that fit.
 *
 * @throws UserError `plrd.target-too-small` if the smallest sizes do not fit
 */
export function allocateRanks(layers: readonly LayerSizes[], budget: number): Ranks {
  const state = layers.map(({ layer, sizes }) => ({ layer, sizes, hull: lowerHull(sizes), at: 0, now: sizes[0]! }));
  let left = state.reduce((sum, { now }) => sum - now.cost, budget);
  if (left < 0) throw tooSmall(budget - left, budget);
  for (;;) {
    let best: { entry: (typeof state)[number]; size: LayerSize; gain: number } | undefined;
    for (const entry of state) {
      const size = entry.hull[entry.at + 1];
      if (!size) continue;
      const gain = (entry.now.loss - size.loss) / (size.cost - entry.now.cost);
      if (!best || gain > best.gain) best = { entry, size, gain };
    }
    // Steps that follow are worse buys; where this one does not fit, the rest is filled below.
    if (!best || best.size.cost - best.entry.now.cost > left) break;
    left -= best.size.cost - best.entry.now.cost;
    best.entry.now = best.size;
    best.entry.at++;
  }
  for (;;) {
    let best: { entry: (typeof state)[number]; size: LayerSize; gain: number } | undefined;
    for (const entry of state)
      for (const size of entry.sizes) {
        const cost = size.cost - entry.now.cost;
        const gain = entry.now.loss - size.loss;
        if (cost > 0 && cost <= left && gain > 0 && (!best || gain > best.gain)) best = { entry, size, gain };
      }
    if (!best) break;
    left -= best.size.cost - best.entry.now.cost;
    best.entry.now = best.size;
  }
  return Object.fromEntries(
    state.flatMap(({ layer, now }) => (now.rank === undefined ? [] : [[layer.name, now.rank] as const])),
  );
}
