import type { ProgressOptions } from '../checkpoint/read-ahead';
import type { TensorReader } from '../checkpoint/safetensors';
import { factorPair } from '../checkpoint/factors';
import { readMatrix } from '../checkpoint/matrix-reader';
import { matmul } from '../engine/linalg/gemm';
import { requireFinite, transpose } from '../engine/linalg/matrix';
import type { KeptShares } from '../protocol/inspection';
import type { NestedFacts } from '../protocol/nested';

/**
 * How much of each factored layer of a nested model its trained sizes keep: 1 - ||W - W'||² / ||W||² (Frobenius), where W is
 * the product of all components and W' that of the leading ones. After training these are not orthogonal, so the share can
 * be negative. With G = (uᵀ u) ∘ (v vᵀ), where ∘ multiplies elements, ||W||² is the sum of G, and ||W - W'||² that of its
 * lower right part; no product of the size of the layer is formed.
 * @returns 0 for a layer that is zero
 * @throws UserError `linalg.not-finite`, `linalg.too-large`, `file.*`; the signal's reason
 */
export async function keptShares(
  reader: TensorReader,
  { layers, sizes }: NestedFacts,
  { signal, onProgress }: ProgressOptions = {},
): Promise<KeptShares> {
  const shares = sizes.map((): Record<string, number> => ({}));
  for (const [done, { name }] of layers.entries()) {
    onProgress?.({ done, total: layers.length, unit: 'steps', label: name });
    const { u, v, rank } = factorPair(reader.tensors, name)!;
    const left = await readMatrix(reader, u, { signal });
    const right = await readMatrix(reader, v, { signal });
    for (const [part, matrix] of [[u, left] as const, [v, right] as const]) requireFinite(part.name, matrix);
    const a = await matmul(transpose(left), left, { signal });
    const b = await matmul(right, transpose(right), { signal });
    // Sums of the lower right parts, from the smallest: rest[r] is of the components from r on.
    const rest = new Float64Array(rank + 1);
    for (let row = rank - 1; row >= 0; row--) {
      let sum = a.data[row * rank + row]! * b.data[row * rank + row]!;
      for (let column = row + 1; column < rank; column++)
        sum += 2 * a.data[row * rank + column]! * b.data[row * rank + column]!;
      rest[row] = rest[row + 1]! + sum;
    }
    for (const [i, ranks] of sizes.entries()) shares[i]![name] = rest[0]! > 0 ? 1 - rest[ranks[name]!]! / rest[0]! : 0;
  }
  return { sizes: shares };
}
