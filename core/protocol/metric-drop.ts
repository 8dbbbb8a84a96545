type Values = Readonly<Record<string, number>>;

/** `accuracyDrop`: the key of how far `heldOut/accuracy`, the metric that a comparison is about, falls below the baseline. */
export const dropOf = (metric: string): string => `${metric.replace(/^.*\//, '')}Drop`;

/**
 * The values of a run's result under the names of today. Earlier versions of Winnow wrote `heldOut/accuracyLost`, and `heldOut/lost`
 * for the drop of whichever metric a comparison was about: where a result has several, nothing says of which it is, and it
 * keeps its name.
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
