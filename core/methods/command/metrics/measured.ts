/** What was measured so far, by metric: a checkpoint that is found some seconds later gets the values of its own step. */
export class Measured {
  readonly #series = new Map<string, { readonly steps: number[]; readonly values: number[] }>();
  #step = 0;

  /** The highest step. */
  get step(): number {
    return this.#step;
  }

  add(step: number, values: Readonly<Record<string, number>>): void {
    this.#step = Math.max(this.#step, step);
    for (const [name, value] of Object.entries(values)) {
      const series = this.#series.get(name) ?? { steps: [], values: [] };
      this.#series.set(name, series);
      series.steps.push(step);
      series.values.push(value);
    }
  }

  /** The last finite value of each metric up to a step. */
  at(step: number): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [name, series] of this.#series) {
      const index = series.steps.findLastIndex((at, i) => at <= step && Number.isFinite(series.values[i]));
      if (index >= 0) values[name] = series.values[index] ?? NaN;
    }
    return values;
  }
}
