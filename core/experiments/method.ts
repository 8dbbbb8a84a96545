import type * as z from 'zod';
import type { JsonObject } from '../checkpoint/model-folder';
import type { StepDevice } from '../engine/step-memory';
import type { ArtifactKind } from './artifact-kinds';
import type { TrainingConfig } from '../training/config';
import type { TrainingContext } from '../training/context';
import type { PlannedMemory } from './planned-memory';
import type { FormerKeys } from './spec/former-keys';
import type { FormerDefaults } from './spec/recorded-settings';
import type { Start } from './starting';

/** What a run would do and cost, shown before it starts. Fields that a method cannot know are absent. */
export interface Plan {
  /** One line per stage of the run, in order. */
  readonly stages: readonly string[];
  /** Estimated wall time on this machine, seconds. */
  readonly seconds?: number;
  /** Training tokens over the whole run. */
  readonly tokens?: number;
  /** Training images over the whole run. */
  readonly images?: number;
  /** Training samples over the whole run. */
  readonly samples?: number;
  /** What `Method.memory` says; absent if the run starts a program of the user's. */
  readonly memory?: PlannedMemory;
  /** Estimated disk space of the run directory, bytes. */
  readonly diskBytes?: number;
  /** Recommended changes before starting the run, as sentences. */
  readonly warnings?: readonly string[];
}

/** The input of `plan`. Paths in a spec are relative to the spec's folder, `baseDir`. */
export interface PlanContext {
  readonly baseDir: string;
  /** Threads that the run may use; by default all of this machine. */
  readonly threads?: number;
  /** The `runs/` folder that will hold the run. */
  readonly runsDir?: string;
}

/**
 * What a running method gets. In its run directory it owns `checkpoints/`, `artifacts/`, and files with names that the
 * directory does not use itself (a program's `output/`). It writes there only with `core/files`, which checks that this
 * worker still holds the lease.
 *
 * `signal` is aborted when the user asks the run to stop; a method that returns has finished. A resumed run emits the events
 * of repeated work again, beginning with the `checkpoint` event of the checkpoint that it continues from (the interruption
 * may have come before that event); `RunHistory` describes how readers handle this. `emit` throws a UserError if the disk is
 * full or the run directory is gone; do not catch it.
 */
export interface RunContext extends PlanContext, TrainingContext {
  /** The run directory (absolute). */
  readonly dir: string;
  /** A folder inside it, already created. */
  readonly artifactsDir: string;
  /** A folder for caches (tokenized corpora) that may be deleted at any time, shared by all runs of one `runs/` folder. */
  readonly cacheDir: string;
  readonly seed: number;
  /** If there was an earlier attempt: when its worker was last alive, milliseconds since 1970. */
  readonly earlier?: { readonly lastSeen: number };
  /** Run only this trial, if the method's runs consist of trials: see `core/comparison`. */
  readonly trial?: string;
  /** Others run trials at the same time, and nobody else brings the results of those that are done up to date. */
  readonly publishes?: true;
  /**
   * The trials were done elsewhere, each on its own: collect what is done, and run none. Says why one is not done, as a
   * sentence without its name.
   */
  readonly collect?: (trial: string) => Promise<{ readonly failed: boolean; readonly message: string }>;
}

/** A trial of a run, before it is run. */
export interface PlannedTrial {
  readonly name: string;
  /** The trial whose checkpoint it starts from, which comes before it. */
  readonly after?: string;
}

/** What a run would say of a model if it were one of its own. */
export interface ModelEvaluation {
  /** By the keys of the metrics in the run's results. */
  readonly values: Readonly<Record<string, number>>;
  /** By the names in `meta.json` of the run's checkpoints. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A pipeline that a spec can name. `Config` is the type of its parsed settings, with defaults filled in. */
export interface Method<Config = unknown> {
  /** The spec's `method` value, for example `plrd`. */
  readonly name: string;
  readonly title: string;
  /** One sentence for a reader who does not know the paper. */
  readonly summary: string;
  /** The ways to start an experiment, at least one. */
  readonly starting: readonly [Start, ...Start[]];
  /** The keys that hold paths relative to the spec, as a single value or a list. */
  readonly paths?: readonly string[];
  /** Of these, the key of a folder that holds a program: what git ignores in it is not sent to another machine. */
  readonly programFolder?: string;
  /** The files that it writes for panels and tables. */
  readonly artifacts?: readonly ArtifactKind[];
  /** What its training metrics count (a metric of this name), for axes and tables. */
  readonly units?: 'tokens' | 'images' | 'samples';
  /** The setting (dotted key) that an error is about, by the prefix of the error's code. */
  readonly errorKeys?: Readonly<Record<string, string>>;
  /** The only definition of its settings, each with a description and, if possible, a default. */
  readonly config: z.ZodObject<z.ZodRawShape>;
  /** Renamed settings: specs and runs that use the former names are still read. */
  readonly formerKeys?: FormerKeys;
  /** What runs were made with that were recorded before these settings existed, where it is not today's default. */
  readonly formerDefaults?: FormerDefaults;
  /** Checks what requires reading the files (throws UserError) and estimates the cost. Starts nothing. */
  plan(config: Config, context: PlanContext): Promise<Omit<Plan, 'memory'>>;
  /**
   * Prepares an estimate of the memory that the trainings of a run need on its device, for methods that have a setting `training`.
   * Reads no weights.
   * @returns bytes, for the settings of the spec with another `training`
   */
  memory?(config: Config, context: PlanContext, device: StepDevice): Promise<(training: TrainingConfig) => number>;
  /**
   * Checks that everything a run needs to resume is still there. Starts nothing.
   * @param runDir the run directory
   * @throws UserError if it is not
   */
  checkResumable?(runDir: string): Promise<void>;
  /** Runs, or continues from the last checkpoint in the run directory; the result is bit-identical either way. */
  run(config: Config, context: RunContext): Promise<void>;
  /**
   * Evaluates a model as the run evaluated its own: on the same data, by the same measures, on the same device. Writes
   * nothing but caches.
   * @param context of the finished run; nobody reads its events
   * @param model a checkpoint folder
   */
  evaluate?(config: Config, context: RunContext, model: string): Promise<ModelEvaluation>;
  /**
   * The trials that its runs consist of, in the order of a whole run; `run` respects `RunContext.trial`. Without it, runs are not made
   * of trials. Reads only what `plan` reads.
   */
  trials?(config: Config, context: PlanContext & Pick<RunContext, 'seed'>): Promise<readonly PlannedTrial[]>;
  /** The run starts a program of the user's, which computes where it wants: `device.provider` is only passed to it. */
  readonly ownProgram?: true;
  /** What the run adds to the environment of that program. */
  programEnvironment?(config: Config): Readonly<Record<string, string>>;
  /**
   * Adapts the settings of a run to the model that it will start from: settings that the model determines are removed,
   * settings that it does not allow are changed.
   * @param config including the model's path
   * @param model its `config.json`
   * @throws UserError if no settings fit
   */
  fitTo?(config: Config, model: JsonObject): Config;
  /** Fingerprints (SHA-256), by name, of the model and data that the run reads; stored in `run.json`. */
  fingerprint(config: Config, context: PlanContext): Promise<Record<string, string>>;
  /** Paths of the checkpoint folders that the run starts from; `run.json` records them as its lineage. */
  parents?(config: Config, context: PlanContext): readonly string[];
}
