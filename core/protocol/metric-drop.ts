type Values = Readonly<Record<string, number>>;

/** The key for the drop of a metric below the baseline: `accuracyDrop` for `heldOut/accuracy`. */
export const dropOf = (metric: string): string => `${metric.replace(/^.*\//, '')}Drop`;

/**
 * The values of a run's result under their current names. Earlier versions of Winnow wrote `heldOut/accuracyLost`, and
 * `heldOut/lost` for the drop of the metric that the comparison was about. If a result has several metrics, it is unknown
 * which one that was, and the key is kept.
 */
export function withDropNames(values: Values): Values {
  if (!('heldOut/lost' in values || 'heldOut/accuracyLost' in values)) return values;
  const scores = Object.keys(values).filter((name) => /^heldOut\/(?!.*(loss|lost)$)/i.test(name));
  const names: Record<string, string> = {
    'heldOut/accuracyLost': 'heldOut/accuracyDrop',
    ...(scores.length === 1 && { 'heldOut/lost': `heldOut/${dropOf(scores[0]!)}` }),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [names[name] ?? name, value]));
}
