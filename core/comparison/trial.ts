import type { PlannedTrial, RunContext } from '../experiments/method';

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
 * the trials that it needs, so it can run alone, in its own process, with identical bits. Its name is that of its file in `trials/`
 * and of its checkpoint: `none-seed-3`.
 */
export interface Trial<Outcome> extends TrialKey, PlannedTrial {
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

/** The seeds of a run. */
export const seedsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

/** Every variant with every seed. Seeds are the outer loop, so that a whole comparison is available after the first seed. */
const bySeeds = <Variant extends { readonly name: string }>(variants: readonly Variant[], seeds: readonly number[]) =>
  seeds.flatMap((seed) => variants.map((variant) => ({ name: `${variant.name}-seed-${seed}`, variant, seed })));

/** Every variant with every seed, before they are run. */
export const plannedBySeeds = (
  variants: readonly { readonly name: string }[],
  seeds: readonly number[],
): PlannedTrial[] => bySeeds(variants, seeds).map(({ name }) => ({ name }));

/** Every variant with every seed. */
export const variantsBySeeds = <Variant extends { readonly name: string }, Outcome>(
  variants: readonly Variant[],
  seeds: readonly number[],
  run: (variant: Variant, seed: number, workplace: Workplace) => Promise<Outcome>,
): Trial<Outcome>[] =>
  bySeeds(variants, seeds).map(({ name, variant, seed }) => ({
    name,
    variant: variant.name,
    seed,
    run: (workplace: Workplace) => run(variant, seed, workplace),
  }));
