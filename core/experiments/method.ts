import type * as z from 'zod';
import type { JsonObject } from '../checkpoint/model-folder';
import type { ArtifactKind } from './artifact-kinds';
import type { TrainingContext } from '../training/context';
import type { FormerKeys } from './spec/former-keys';
import type { Start } from './starting';

/** What a plan says before anything runs: enough to decide whether to start. Fields that a method cannot know are absent. */
export interface Plan {
  /** One line per stage of the run, in order. */
  readonly stages: readonly string[];
  /** Estimated wall time on this machine, seconds. */
  readonly seconds?: number;
  /** Estimated peak memory, bytes. */
  readonly memoryBytes?: number;
  /** Training tokens over the whole run. */
  readonly tokens?: number;
  /** Training images over the whole run. */
  readonly images?: number;
  /** Samples that are trained on over the whole run. */
  readonly samples?: number;
  /** Estimated disk space of the run directory, bytes. */
  readonly diskBytes?: number;
  /** What is better changed before the run is started, in sentences. */
  readonly warnings?: readonly string[];
}

/** What a method is given to plan with. Paths in a spec are relative to the spec's folder, which is `baseDir`. */
export interface PlanContext {
  readonly baseDir: string;
  /** Threads that the run may use; all of this machine without it. */
  readonly threads?: number;
  /** The `runs/` folder that the run is to lie in. */
  readonly runsDir?: string;
}

/**
 * What a running method is given. It owns `checkpoints/` and `artifacts/` of its run directory, and files of names that
 * the directory does not have (a program's `output/`). It writes there with `core/files` only, which asks whether this
 * worker still may.
 *
 * `signal` is aborted when a person asked the run to stop; a method that returns has finished. What is emitted: a resumed
 * run emits again what it does again, the `checkpoint` event of the checkpoint that it continues from first (the cut may
 * have come before the event): see `RunHistory` for how a reader tells. `emit` throws UserError when the disk is full or
 * the run directory gone: let it pass.
 */
export interface RunContext extends PlanContext, TrainingContext {
  /** The run directory (absolute). */
  readonly dir: string;
  /** A folder inside it; it exists. */
  readonly artifactsDir: string;
  /** A folder for caches that may be deleted at any time (tokenized corpora), shared by the runs of one `runs/` folder. */
  readonly cacheDir: string;
  readonly seed: number;
  /** The attempt before this one, where there is one: when its worker last gave a sign of life, milliseconds since 1970. */
  readonly earlier?: { readonly lastSeen: number };
  /** Run only this trial, where the runs of the method are made of trials: see `core/comparison`. */
  readonly trial?: string;
}

/** A pipeline that a spec can name. `Config` is what the spec's keys parse to, defaults filled in. */
export interface Method<Config = unknown> {
  /** The spec's `method` value, for example `plrd`. */
  readonly name: string;
  readonly title: string;
  /** One sentence for somebody who never read the paper. */
  readonly summary: string;
  /** The ways to begin an experiment, at least one. */
  readonly starting: readonly [Start, ...Start[]];
  /** The keys that hold paths, which are relative to the spec; a value or a list of them. */
  readonly paths?: readonly string[];
  /** What it writes for panels and tables. */
  readonly artifacts?: readonly ArtifactKind[];
  /** What its trainings count (`tokens` in their metrics), for axes and tables. */
  readonly units?: 'tokens' | 'images' | 'samples';
  /** The keys (dotted) that its errors are about, by the beginning of their code. */
  readonly errorKeys?: Readonly<Record<string, string>>;
  /** The settings, every one with a default (where there is one) and a description: the only definition of them. */
  readonly config: z.ZodObject<z.ZodRawShape>;
  /** Settings that had other names: specs and runs that use those are still read. */
  readonly formerKeys?: FormerKeys;
  /** Checks what only the files can tell (throws UserError) and estimates the cost. Starts nothing. */
  plan(config: Config, context: PlanContext): Promise<Plan>;
  /**
   * Checks whether what a run has left is still there to go on from. Starts nothing.
   * @param runDir the run directory
   * @throws UserError where it is not
   */
  checkResumable?(runDir: string): Promise<void>;
  /** Runs, or continues where the run directory's checkpoints say it was cut; ends with the same bits either way. */
  run(config: Config, context: RunContext): Promise<void>;
  /** Its runs are made of trials, each of which can be run alone: it looks at `RunContext.trial`. */
  readonly hasTrials?: true;
  /** The run starts a program of the person's, which computes where it likes: `device.provider` is only told to it. */
  readonly ownProgram?: true;
  /**
   * Makes the settings of a run fit a model that it is to start from: what the model decides itself is left out, what it
   * rules out is changed.
   * @param config with the model's path at its key
   * @param model its `config.json`
   * @throws UserError where nothing fits
   */
  fitTo?(config: Config, model: JsonObject): Config;
  /** Fingerprints (SHA-256) of the model and data that the run reads, by name, for `run.json`. */
  fingerprint(config: Config, context: PlanContext): Promise<Record<string, string>>;
  /** Paths of the checkpoint folders that the run starts from, if it does: `run.json` keeps them as its lineage. */
  parents?(config: Config, context: PlanContext): readonly string[];
}
