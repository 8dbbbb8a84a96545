import type { RunContext } from '../experiments/method';

/** Identifies a trial. */
export interface TrialKey {
  /** Name of the variant. */
  readonly variant: string;
  readonly seed: number;
}

/** A finished trial: its key and its outcome. */
export type DoneTrial<Outcome> = TrialKey & Outcome;

/**
 * One variant with one seed: the unit of work of a comparison. It reads only the spec, the data and the checkpoints of
 * the trials that it needs, so it can run alone, in its own process, with identical bits.
 */
export interface Trial<Outcome> extends TrialKey {
  /** Name of its file in `trials/` and of its checkpoint: `none-seed-3`. */
  readonly name: string;
  /** The trial whose checkpoint it starts from. */
  readonly after?: string;
  /** @param workplace the run, and the folder where training stores its checkpoint to resume from */
  run(workplace: Workplace): Promise<Outcome>;
}

export interface Workplace {
  readonly context: RunContext;
  /**
   * The same for training, but with a `checkpointsDir` of its own if the trial runs alone, so that trials do not share
   * `last`.
   */
  readonly training: RunContext;
}

/** Every variant with every seed. Seeds are the outer loop, so that a whole comparison is available after the first seed. */
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
