interface Series {
  readonly steps: number[];
  readonly values: number[];
  /** How many of them come from earlier attempts. */
  earlier: number;
  /** Built on first use. */
  known?: { readonly earlier: Set<string>; readonly now: Set<string> };
}

const point = (step: number, value: number) => `${step} ${value}`;

/**
 * The values that the run has recorded so far, by metric. A checkpoint that is found seconds later still gets the
 * values of its own step, and values that a file repeats are recognized.
 */
export class Measured {
  readonly #series = new Map<string, Series>();
  #step = 0;

  /** The highest step so far. */
  get step(): number {
    return this.#step;
  }

  /** Adds values recorded by an earlier attempt; call it before any `add` of this attempt. */
  recall(step: number, values: Readonly<Record<string, number>>): void {
    this.add(step, values);
    for (const name of Object.keys(values)) {
      const series = this.#series.get(name);
      if (series) series.earlier = series.steps.length;
    }
  }

  add(step: number, values: Readonly<Record<string, number>>): void {
    this.#step = Math.max(this.#step, step);
    for (const [name, value] of Object.entries(values)) {
      const series = this.#series.get(name) ?? { steps: [], values: [], earlier: 0 };
      this.#series.set(name, series);
      series.steps.push(step);
      series.values.push(value);
      series.known?.now.add(point(step, value));
    }
  }

  /** Whether exactly this point was recorded, by an earlier attempt or by this one. */
  has(name: string, step: number, value: number, when: 'earlier' | 'now'): boolean {
    const series = this.#series.get(name);
    if (!series) return false;
    const points = (from: number, to?: number) =>
      new Set(series.steps.slice(from, to).map((at, i) => point(at, series.values[from + i] ?? NaN)));
    series.known ??= { earlier: points(0, series.earlier), now: points(series.earlier) };
    return series.known[when].has(point(step, value));
  }

  /** For each metric, its last finite value at or before a step; if a step has several, the latest. */
  at(step: number): Record<string, number> {
    const values: [string, number][] = [];
    for (const [name, series] of this.#series) {
      let found = -1;
      series.steps.forEach((at, i) => {
        if (at <= step && at >= (series.steps[found] ?? 0) && Number.isFinite(series.values[i])) found = i;
      });
      const value = series.values[found];
      if (value !== undefined) values.push([name, value]);
    }
    return Object.fromEntries(values);
  }
}
