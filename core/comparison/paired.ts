import type { TrialKey } from './trial';

/** Pairs the trials of one variant with those of another that have the same seed, in the order of the first variant. */
export function pairedBySeed<Trial extends TrialKey>(
  trials: readonly Trial[],
  one: string,
  other: string | undefined,
): { readonly own: Trial; readonly base: Trial }[] {
  const bySeed = new Map(trials.flatMap((trial) => (trial.variant === other ? [[trial.seed, trial] as const] : [])));
  return trials.flatMap((own) => {
    const base = own.variant === one ? bySeed.get(own.seed) : undefined;
    return base ? [{ own, base }] : [];
  });
}
