import type { PlannedTrial } from '../../experiments/method';
import { seedsFrom } from '../../comparison/trial';
import type { PlrdConfig } from './config';
import type { Stage } from './stages';

/** The name of the parent among the models, and of the trial that evaluates it. */
export const PARENT = 'parent';

/** The making of one model, with one seed. */
export interface FamilyTrial extends PlannedTrial {
  readonly stage: Stage;
  readonly seed: number;
}

/** The trials of a run after that of the parent, in order. */
export const familyTrials = (config: PlrdConfig, stages: readonly Stage[], seed: number): FamilyTrial[] =>
  seedsFrom(seed, config.seeds).flatMap((own, i) =>
    stages.filter((stage) => i === 0 || varies(config, stage)).map((stage) => trialOf(config, stage, own)),
  );

/** Whether a model differs from seed to seed: a truncation without training does only if it is calibrated on sampled text. */
const varies = ({ decomposition, allocation }: PlrdConfig, { kind }: Stage) =>
  kind !== 'truncation' || decomposition !== 'plain' || allocation === 'sensitivity';

function trialOf({ seeds }: PlrdConfig, stage: Stage, seed: number): FamilyTrial {
  // A run with one seed has the names of its models.
  const named = (name: string) => (seeds === 1 ? name : `${name}-seed-${seed}`);
  return { name: named(stage.name), stage, seed, ...(stage.from !== undefined && { after: named(stage.from) }) };
}
