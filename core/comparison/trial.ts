import type { RunContext } from '../experiments/method';

/** What one trial is of. */
export interface TrialKey {
  /** Name of the variant. */
  readonly variant: string;
  readonly seed: number;
}

/** A trial that is done: what it is of, and what came out. */
export type DoneTrial<Outcome> = TrialKey & Outcome;

/**
 * One variant with one seed: the unit of work of a comparison. It reads the spec, the data and the checkpoints of the
 * trials that it needs, and nothing else, so it can be run alone, in a process of its own, with the same bits.
 */
export interface Trial<Outcome> extends TrialKey {
  /** Name of its file in `trials/` and of the checkpoint that it keeps: `none-seed-3`. */
  readonly name: string;
  /** The trial whose checkpoint it starts from. */
  readonly after?: string;
  /** @param context its `checkpointsDir` is where training keeps what it resumes from: see `Workplace` */
  run(workplace: Workplace): Promise<Outcome>;
}

/** Where a trial works. */
export interface Workplace {
  readonly context: RunContext;
  /** The same, for a training: `last` of a trial that runs alone is not that of the others. */
  readonly training: RunContext;
}

/** Every variant with every seed. Seeds are the outer loop: after the first there is a whole comparison to look at. */
export function variantsBySeeds<Variant extends { readonly name: string }, Outcome>(
  variants: readonly Variant[],
  seeds: readonly number[],
  run: (variant: Variant, seed: number, workplace: Workplace) => Promise<Outcome>,
): Trial<Outcome>[] {
  return seeds.flatMap((seed) =>
    variants.map((variant) => ({
      name: `${variant.name}-seed-${seed}`,
      variant: variant.name,
      seed,
      run: (workplace: Workplace) => run(variant, seed, workplace),
    })),
  );
}
