import { headline } from '../../protocol/runs';

/** The latest value of one metric. */
export interface LastValue {
  readonly name: string;
  readonly step: number;
  readonly value: number;
}

/**
 * The latest value of every metric. Programs often write the training loss and the evaluation results on different lines, so
 * a single line is not enough.
 */
export class LastValues {
  readonly #values = new Map<string, LastValue>();

  constructor(lines: Iterable<{ readonly step: number; readonly values: Readonly<Record<string, number>> }> = []) {
    for (const line of lines) this.add(line);
  }

  add({ step, values }: { readonly step: number; readonly values: Readonly<Record<string, number>> }): void {
    for (const [name, value] of Object.entries(values)) this.#values.set(name, { name, step, value });
  }

  /**
   * The metric that describes the run best comes first, then losses and accuracies, then the rest; each group is sorted by
   * name.
   */
  get all(): LastValue[] {
    const first = headline(Object.fromEntries([...this.#values].map(([name, { value }]) => [name, value])))?.name;
    const rank = (name: string) => (name === first ? 0 : SCORES.test(name) ? 1 : 2);
    return [...this.#values.values()].sort(
      (a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
  }

  get values(): Record<string, number> {
    return Object.fromEntries(this.all.map(({ name, value }) => [name, value]));
  }
}

const SCORES = /(^|[/_ -])(loss|accuracy|acc|perplexity|ppl|f1|top-?[15]|score|reward)$/i;
