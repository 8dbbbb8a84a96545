import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { Matrix } from './matrix';
import { maxAbs, rotateRows } from './matrix';
import type { Tridiagonal } from './tridiagonal';

// The classical bound (EISPACK, LAPACK): a few are needed per eigenvalue.
const ITERATIONS_PER_EIGENVALUE = 50;

/**
 * Eigenvalues of a symmetric tridiagonal matrix by implicit QL iteration with Wilkinson's shift (Dubrulle, Martin and
 * Wilkinson 1968), in no order. The same rotations turn the rows of `vectors` [n, n], if given: the identity becomes the
 * eigenvectors as rows.
 *
 * @throws UserError `linalg.no-convergence`
 */
export function implicitQl({ diagonal, off }: Tridiagonal, vectors?: Matrix): Float64Array {
  const n = diagonal.length;
  const d = diagonal.slice();
  const e = new Float64Array(n);
  e.set(off);
  // Not relative to the neighbors: among entries that are rounding noise themselves, sweeps bring new noise forever.
  const negligible = Number.EPSILON * Math.max(maxAbs(d), maxAbs(e));
  for (let first = 0; first < n; first++) {
    for (let iteration = 0; ; iteration++) {
      let last = first;
      while (last < n - 1 && Math.abs(e[last]!) > negligible) last++;
      if (last === first) break;
      if (iteration === ITERATIONS_PER_EIGENVALUE)
        throw new UserError(
          'linalg.no-convergence',
          l10n.t('The eigenvalues of a tridiagonal matrix did not converge.'),
        );
      step(d, e, first, last, vectors);
    }
  }
  return d;
}

/** One QL sweep over the unreduced block from `first` to `last`. */
function step(d: Float64Array, e: Float64Array, first: number, last: number, vectors: Matrix | undefined): void {
  const half = (d[first + 1]! - d[first]!) / (2 * e[first]!);
  const root = Math.hypot(half, 1);
  let g = d[last]! - d[first]! + e[first]! / (half + (half < 0 ? -root : root));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = last - 1; i >= first; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      // The matrix fell apart inside the sweep: leave the rest to the next one.
      d[i + 1]! -= p;
      e[last] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    if (vectors) rotateRows(vectors, i + 1, i, c, s);
  }
  d[first]! -= p;
  e[first] = g;
  e[last] = 0;
}
