/** Which values of a metric are better. */
export type Better = 'lower' | 'higher';

/**
 * The Pareto front: the points for which no other point is at least as good in both directions and better in one. Points with
 * a non-finite value are never on it.
 * @returns their indices, sorted by x
 */
export function paretoFront(
  points: readonly { readonly x: number; readonly y: number }[],
  betterX: Better,
  betterY: Better,
): number[] {
  const sign = { lower: 1, higher: -1 };
  const order = points
    .map(({ x, y }, index) => ({ x: sign[betterX] * x, y: sign[betterY] * y, index }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .sort((a, b) => a.x - b.x || a.y - b.y);
  const front: typeof order = [];
  for (const point of order) {
    const last = front.at(-1);
    if (!last || point.y < last.y || (point.y === last.y && point.x === last.x)) front.push(point);
  }
  return front.map(({ index }) => index).sort((a, b) => (points[a]?.x ?? 0) - (points[b]?.x ?? 0));
}
