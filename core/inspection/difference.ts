import type { TensorDifference } from '../protocol/inspection';

type Values = Float32Array | Float64Array;

/** Sums over pairs of elements, from which the distance of two tensors is computed. */
export class DifferenceSums {
  #elements = 0;
  #differing = 0;
  #nonFinite = 0;
  #maxAbs = 0;
  /** Sums of a², b², a b and (a - b)² over the pairs in which both are finite. */
  #aa = 0;
  #bb = 0;
  #ab = 0;
  #dd = 0;

  /**
   * @param a @param b elements at the same positions, of equal length
   * @param exact the exact difference at an index, if doubles cannot represent the elements
   */
  add(a: Values, b: Values, exact?: (index: number) => number): void {
    let [aa, bb, ab, dd, maxAbs] = [0, 0, 0, 0, this.#maxAbs];
    for (let i = 0; i < a.length; i++) {
      const x = a[i]!;
      const y = b[i]!;
      const d = exact === undefined ? x - y : exact(i);
      if (d !== 0) {
        // Infinity - Infinity is NaN, which is not 0 either.
        if (!Number.isFinite(x) || !Number.isFinite(y)) {
          this.#nonFinite++;
          if (!Object.is(x, y)) this.#differing++;
          continue;
        }
        this.#differing++;
        const size = d < 0 ? -d : d;
        if (size > maxAbs) maxAbs = size;
      }
      aa += x * x;
      bb += y * y;
      ab += x * y;
      dd += d * d;
    }
    this.#elements += a.length;
    this.#aa += aa;
    this.#bb += bb;
    this.#ab += ab;
    this.#dd += dd;
    this.#maxAbs = Math.min(maxAbs, Number.MAX_VALUE);
  }

  finish(): Omit<TensorDifference, 'name' | 'shape' | 'a' | 'b'> {
    return {
      relative: ratio(Math.sqrt(this.#dd), Math.sqrt(this.#aa)),
      maxAbs: this.#maxAbs,
      cosine: clamp(ratio(this.#ab, Math.sqrt(this.#aa) * Math.sqrt(this.#bb))),
      elements: this.#elements,
      differing: this.#differing,
      nonFinite: this.#nonFinite,
    };
  }
}

function ratio(above: number, below: number): number | null {
  const value = above / below;
  return Number.isFinite(value) ? value : null;
}

const clamp = (cosine: number | null) => (cosine === null ? null : Math.max(-1, Math.min(1, cosine)));
