/** The coefficient `a` of Keys' cubic convolution; PyTorch uses the same value. */
const A = -0.75;

/** Weights of the four neighbors of a point at distance `share` after the second of them (Keys, 1981). */
function cubicWeights(share: number): [number, number, number, number] {
  const near = (x: number) => ((A + 2) * x - (A + 3)) * x * x + 1;
  const far = (x: number) => ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
  return [far(1 + share), near(share), near(1 - share), far(2 - share)];
}

/**
 * Position embeddings for another number of patches, by bicubic interpolation of their grid (Dosovitskiy et al., 2021,
 * section 3.2), as in PyTorch's `interpolate(mode='bicubic', align_corners=False)`; those of the prefix tokens stay the
 * same.
 * @param positions [prefix + before², width]
 * @returns [prefix + after², width]
 */
export function interpolatePositions(
  positions: Float32Array,
  { prefix, width, before, after }: Readonly<Record<'prefix' | 'width' | 'before' | 'after', number>>,
): Float32Array {
  const result = new Float32Array((prefix + after * after) * width);
  result.set(positions.subarray(0, prefix * width));
  const inside = (index: number) => Math.min(Math.max(index, 0), before - 1);
  const taps = Array.from({ length: after }, (_, i) => {
    const place = ((i + 0.5) * before) / after - 0.5;
    const first = Math.floor(place);
    return { from: [-1, 0, 1, 2].map((step) => inside(first + step)), weights: cubicWeights(place - first) };
  });
  for (const [y, rows] of taps.entries())
    for (const [x, columns] of taps.entries()) {
      const target = (prefix + y * after + x) * width;
      for (const [i, row] of rows.from.entries())
        for (const [j, column] of columns.from.entries()) {
          const weight = rows.weights[i]! * columns.weights[j]!;
          const source = (prefix + row * before + column) * width;
          for (let at = 0; at < width; at++) result[target + at]! += weight * positions[source + at]!;
        }
    }
  return result;
}
