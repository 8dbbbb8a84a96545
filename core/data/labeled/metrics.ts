import { GLUE_LAYOUTS, type GlueTask } from './glue';
import type { LabelKind } from './texts';

/** Predictions and labels of the same samples: class indices, or numbers. */
export interface Evaluated {
  readonly predictions: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
}

/** A name that is stable in files, with a share, a correlation or a score between -1 and 1; larger is better. */
export interface Metric {
  readonly name: MetricName;
  readonly value: number;
}
export type MetricName = 'accuracy' | 'f1' | 'matthews' | 'pearson' | 'spearman' | 'accuracyMismatched';

/** GLUE metrics other than plain accuracy (Wang et al., 2019, table 1), the primary metric of each task first. */
const GLUE_METRICS: Partial<Record<GlueTask, readonly MetricName[]>> = {
  cola: ['matthews'],
  mrpc: ['accuracy', 'f1'],
  qqp: ['accuracy', 'f1'],
  stsb: ['pearson', 'spearman'],
};

/** Names of a task's metrics, the primary one first. @param hasMismatched whether MNLI's second evaluation set exists */
export function metricNames(
  { task, kind }: { readonly task?: GlueTask | undefined; readonly kind: LabelKind },
  hasMismatched = false,
): readonly MetricName[] {
  if (task !== undefined)
    return [...(GLUE_METRICS[task] ?? ['accuracy']), ...(hasMismatched ? (['accuracyMismatched'] as const) : [])];
  return kind === 'regression' ? ['pearson', 'spearman'] : ['accuracy', 'f1', 'matthews'];
}

/**
 * The metrics of a GLUE task, or those of other texts by the kind of labels, the primary one first.
 * @param mismatched predictions and labels of MNLI's second evaluation set
 * @throws RangeError if there is nothing to evaluate, or the numbers of predictions and labels differ
 */
export function metricsOf(
  of: { readonly task?: GlueTask | undefined; readonly kind: LabelKind; readonly classes?: readonly string[] },
  evaluated: Evaluated,
  mismatched?: Evaluated,
): readonly Metric[] {
  const classes = (of.task === undefined ? of.classes : GLUE_LAYOUTS[of.task].classes)?.length ?? 2;
  const value = (name: MetricName): number => {
    switch (name) {
      case 'accuracy':
        return accuracy(evaluated);
      case 'accuracyMismatched':
        return accuracy(mismatched ?? evaluated);
      case 'f1':
        return classes === 2 ? f1(evaluated, 1) : macroF1(evaluated, classes);
      case 'matthews':
        return matthews(evaluated, classes);
      case 'pearson':
        return pearson(evaluated);
      case 'spearman':
        return spearman(evaluated);
    }
  };
  return metricNames(of, mismatched !== undefined).map((name) => ({ name, value: value(name) }));
}

/** Share of the samples whose class was predicted correctly. */
export function accuracy(evaluated: Evaluated): number {
  const { predictions, labels, size } = checked(evaluated);
  return count(size, (i) => predictions[i] === labels[i]) / size;
}

/** Harmonic mean of precision and recall of one class (van Rijsbergen, 1979); 0 if it was never predicted correctly. */
export function f1(evaluated: Evaluated, positive: number): number {
  const { predictions, labels, size } = checked(evaluated);
  const both = count(size, (i) => predictions[i] === positive && labels[i] === positive);
  const either = count(size, (i) => predictions[i] === positive) + count(size, (i) => labels[i] === positive);
  return either === 0 ? 0 : (2 * both) / either;
}

/** Mean F1 of the classes that occur, as with scikit-learn's `average="macro"`. */
export function macroF1(evaluated: Evaluated, classes: number): number {
  const { predictions, labels, size } = checked(evaluated);
  const occurs = new Array<boolean>(classes).fill(false);
  for (let i = 0; i < size; i++) occurs[predictions[i]!] = occurs[labels[i]!] = true;
  const scores = occurs.flatMap((does, label) => (does ? [f1(evaluated, label)] : []));
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/**
 * Matthews correlation for two or more classes (Matthews, 1975; Gorodkin, 2004, equation 8); 0 if all predictions or
 * all labels are the same.
 */
export function matthews(evaluated: Evaluated, classes: number): number {
  const { predictions, labels, size } = checked(evaluated);
  const predicted = new Float64Array(classes);
  const real = new Float64Array(classes);
  let right = 0;
  for (let i = 0; i < size; i++) {
    predicted[predictions[i]!]! += 1;
    real[labels[i]!]! += 1;
    if (predictions[i] === labels[i]) right += 1;
  }
  const product = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const spread = (counts: Float64Array) => size * size - product(counts, counts);
  const scale = Math.sqrt(spread(predicted)) * Math.sqrt(spread(real));
  return scale === 0 ? 0 : within((right * size - product(predicted, real)) / scale);
}

/** Pearson correlation; NaN if all predictions or all labels are the same, because it is undefined then. */
export function pearson(evaluated: Evaluated): number {
  const { predictions, labels, size } = checked(evaluated);
  const mean = (values: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += values[i]!;
    return sum / size;
  };
  const [x, y] = [mean(predictions), mean(labels)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < size; i++) {
    const [dx, dy] = [predictions[i]! - x, labels[i]! - y];
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  const scale = Math.sqrt(xx) * Math.sqrt(yy);
  return scale === 0 ? NaN : within(xy / scale);
}

/** Rounding may exceed the range of a correlation. */
const within = (correlation: number) => Math.max(-1, Math.min(1, correlation));

/** Spearman correlation: the Pearson correlation of the ranks; equal values share their mean rank. */
export function spearman(evaluated: Evaluated): number {
  const { predictions, labels } = checked(evaluated);
  return pearson({ predictions: ranks(predictions), labels: ranks(labels) });
}

function ranks(values: ArrayLike<number>): Float64Array {
  const order = Int32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const result = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let i = from; i < to; i++) result[order[i]!] = (from + to + 1) / 2;
    from = to;
  }
  return result;
}

function count(size: number, holds: (index: number) => boolean): number {
  let found = 0;
  for (let i = 0; i < size; i++) if (holds(i)) found += 1;
  return found;
}

function checked({ predictions, labels }: Evaluated): Evaluated & { readonly size: number } {
  if (labels.length === 0 || predictions.length !== labels.length)
    throw new RangeError(`${predictions.length} predictions cannot be compared with ${labels.length} labels`);
  return { predictions, labels, size: labels.length };
}
