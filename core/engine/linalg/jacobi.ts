import type { LinalgOptions, Matrix } from './matrix';
import { dot, maxAbs, pause, rotateRows } from './matrix';

const MAX_SWEEPS = 30;

/**
 * One-sided Jacobi iteration (Hestenes 1958): rotates the rows of b [k, m] until every two are orthogonal. Their
 * lengths are then singular values, accurate to machine precision times the largest. The rows of `companion` [k, n] are
 * rotated along. Cheap if the rows are nearly orthogonal.
 */
export async function orthogonalizeRows(b: Matrix, companion: Matrix, options: LinalgOptions = {}): Promise<void> {
  const { rows: k, cols: m, data } = b;
  for (let sweep = 0, turned = true; turned && sweep < MAX_SWEEPS; sweep++) {
    await pause(options);
    turned = false;
    const squares = Float64Array.from({ length: k }, (_, i) => dot(data, i * m, data, i * m, m));
    // The squared norm of the rounding error in a row.
    const noise = maxAbs(squares) * m * Number.EPSILON ** 2;
    for (let i = 0; i < k; i++)
      for (let j = i + 1; j < k; j++) {
        const first = squares[i]!;
        const second = squares[j]!;
        const product = dot(data, i * m, data, j * m, m);
        if (product * product <= noise * Math.max(first, second)) continue;
        turned = true;
        const zeta = (second - first) / (2 * product);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        rotateRows(b, i, j, c, -c * t);
        rotateRows(companion, i, j, c, -c * t);
        squares[i] = first - t * product;
        squares[j] = second + t * product;
      }
  }
}
