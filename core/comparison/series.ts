import type { Series } from '../protocol/results';

type Labeled = Pick<Series, 'title' | 'role'>;

/** The series of some models, unique and in order, and a function that returns the name of a model's series. */
export function seriesOf(models: readonly Labeled[]): {
  readonly series: readonly Series[];
  readonly nameOf: (model: Labeled) => string;
} {
  const series: Series[] = [];
  const found = ({ title, role }: Labeled) => series.find((one) => one.title === title && one.role === role);
  for (const model of models) {
    if (found(model)) continue;
    const { title, role } = model;
    // The baseline may have the same title as others.
    const taken = series.some((one) => one.title === title);
    series.push({ name: taken ? `${title} (${role})` : title, title, role });
  }
  return { series, nameOf: (model) => found(model)!.name };
}
