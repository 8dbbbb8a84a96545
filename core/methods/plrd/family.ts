import type { TrainingBlocks } from '../../data/text/batches';
import type { RunContext } from '../../experiments/method';
import type { LoadedDecoder } from '../../models/decoder/checkpoint';
import type { Ranks } from '../../models/decoder/config';
import type { LinearLayer } from '../../models/decoder/layout';
import type { MadeModel } from './artifacts';
import type { PlrdConfig } from './config';
import type { Decomposer } from './decomposition/decomposer';
import type { EvalSet } from './evaluation/evaluate';

/** What all models of a run are made from and evaluated on. */
export interface Family {
  readonly config: PlrdConfig;
  readonly context: RunContext;
  readonly parentDir: string;
  readonly parent: LoadedDecoder;
  readonly layers: readonly LinearLayer[];
  readonly evalSet: EvalSet;
  /** Chooses ranks and decomposes, by calibration text that the seed draws. */
  decomposer(seed: number): Decomposer;
  /** The training text in the order of a seed. */
  train(seed: number): TrainingBlocks;
}

/** A stage with a seed: `name` is that of its trial and checkpoint, `after` that of the trial that it starts from. */
export interface Task {
  readonly name: string;
  readonly seed: number;
  readonly after?: string;
}

/** A model before training. */
export interface Untrained {
  readonly model: LoadedDecoder;
  /** As in `MadeModel`; undefined for a part of a model that is trained already. */
  readonly truncationError: number | undefined;
  readonly calibration: MadeModel['calibration'];
  /** The ranks of all sizes if the model is nested, the largest first. */
  readonly sizes: readonly Ranks[];
}
