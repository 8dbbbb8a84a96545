import type { Plan } from '../../experiments/method';
import type { DeviceInfo } from '../../engine/devices/devices';
import type { Installable, InstalledRuntime } from '../../engine/runtime/installed';
import type { Wishes } from '../../runtimes/choose';
import type { RemovedRuntime } from '../../runtimes/host';
import type { RerunOf } from '../../experiments/run/launch';
import type { RunRecord } from '../../experiments/run/directory';
import type { StatusAndState } from '../../experiments/run/state';
import type { QueueView } from '../../protocol/queue';
import type { Limited, Move } from '../../workers/queue/state';
import type { Check } from '../doctor';
import type { OriginFile } from '../origin';
import type { SlurmSettings } from '../slurm/settings';

/** A file of a tree: its path with slashes, SHA-256 and, for programs, that it can be executed. */
export interface TreeFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly executable?: true;
}

/** A spec as an agent gets it: its keys with their values, and where it is (paths in it are relative to `baseDir`). */
export interface SentSpec {
  readonly value: Readonly<Record<string, unknown>>;
  readonly baseDir: string;
  /** The name of the spec's file. */
  readonly file: string;
}

/** A run on the machine of an agent. */
export interface AgentRun {
  readonly dir: string;
  readonly record: RunRecord;
  readonly state: StatusAndState['state'];
}

/** What is known of a run there, on the machine that asks. */
export interface SeenRun {
  readonly dir: string;
  /** Bytes that are here of the files that only grow, in the order of `GROWING`. */
  readonly sizes: readonly number[];
  /** From the last news of it; null if there were none. */
  readonly mark: string | null;
  readonly listed: string | null;
}

/** Bytes of a file that come with the answer. */
export interface NewsPiece {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  /** Whether the file ended there. */
  readonly isEnd: boolean;
}

/** What is new about a run. `deferred`: the answer became too long; ask again. */
export type RunNews =
  | { readonly is: 'same' }
  | { readonly is: 'deferred' }
  | {
      readonly is: 'unreadable';
      readonly error: { readonly code: string; readonly message: string; readonly hint: string };
    }
  | {
      readonly is: 'changed';
      /** Of everything that follows. */
      readonly mark: string;
      /** `status.json`, before and after its verdict was found. */
      readonly status: string;
      readonly statusAfter?: string;
      /** Its state as that machine sees it; missing if its scheduler does not answer. */
      readonly verdict?: Pick<StatusAndState['status'], 'reason'> & Pick<StatusAndState, 'state'>;
      /** A mark of the files below `artifacts/` and `checkpoints/`, and those files if they have changed. */
      readonly listed: string;
      readonly files?: readonly OriginFile[];
      /** From a few bytes before what is here, to compare; the bytes of all runs are the body of the answer. */
      readonly pieces: readonly NewsPiece[];
    };

/** What a store answers: where files with known content are. The program that starts an agent has one, and so has the agent. */
export interface StoreCalls {
  /** The path of a complete tree; null if it is not there. */
  findTree(request: { kind: string; name: string }): Promise<string | null>;
  /** Which contents are missing, and how many bytes of each have arrived. */
  missing(request: { blobs: readonly { sha256: string; size: number }[] }): Promise<{ sha256: string; have: number }[]>;
  /** Adds the body to a content. The last piece is checked: @throws UserError `store.damaged`, `disk.*` */
  append(request: { sha256: string; offset: number; last: boolean; zipped: boolean }): Promise<null>;
  /** Makes a tree of contents that are there. @param own its files are copies, which may be changed. @returns its path */
  makeTree(request: { kind: string; name: string; files: readonly TreeFile[]; own: boolean }): Promise<string>;
  /** Deletes a tree and its contents. */
  forget(request: { kind: string; name: string; blobs: readonly string[] }): Promise<null>;
}

/** How a runtime is installed on the machine of an agent. */
export interface RuntimeRequest {
  readonly name: Installable;
  readonly variant: string;
  /** Whether a known training is computed. */
  readonly verify: boolean;
  /** The tree that has its wheels; null if that machine downloads them itself. */
  readonly wheels: string | null;
}

/** What may be deleted. */
export interface CleanRequest {
  /** Versions of Winnow that are kept whatever their age, besides those in use. */
  readonly keep: number;
  /** What was used within so many days is kept. */
  readonly days: number;
  /** Only says what it would free. */
  readonly dryRun: boolean;
}

/** One thing that was deleted, or would be. */
export interface Freed {
  /** `versions`, `inputs`, `work`, `wheels`: a tree; `blobs`: contents that no tree has; `partials`: what did not arrive or was not deleted completely; `downloads`. */
  readonly kind: string;
  readonly name: string;
  /** Bytes of disk that this frees. */
  readonly bytes: number;
}

export interface Cleaned {
  readonly freed: readonly Freed[];
  /** Why something was kept that is not in use. */
  readonly notes: readonly string[];
}

/** What is kept without being asked. */
export const KEPT = { keep: 3, days: 7 } as const;
/** What an agent answers, by name of the call. Everything is JSON; `read` answers with bytes, and `news` with both. */
export interface AgentCalls extends StoreCalls {
  /** With `slurm`, the device is that of a node, which checks it; so for the next two. */
  create(request: { spec: SentSpec; of?: RerunOf; slurm?: SlurmSettings }): Promise<AgentRun>;
  plan(request: { spec: SentSpec; slurm?: SlurmSettings }): Promise<Plan>;
  checkResumable(request: { dir: string; allowChanged: boolean; slurm?: SlurmSettings }): Promise<null>;
  submit(request: { dir: string; slurm?: SlurmSettings }): Promise<null>;
  stop(request: { dir: string; force: boolean; slurm?: SlurmSettings }): Promise<null>;
  /** With `slurm`, also what Slurm knows. */
  state(request: { dir: string; slurm?: SlurmSettings }): Promise<StatusAndState>;
  /** What is new about many runs, in their order; with a body. With `slurm`, also what Slurm knows. */
  news(request: { runs: readonly SeenRun[]; slurm?: SlurmSettings }): Promise<RunNews[]>;
  /** The runs that are there, newest first; only one if it is named. With `slurm`, their states as Slurm knows them. */
  runs(request: { id?: string; slurm?: SlurmSettings }): Promise<AgentRun[]>;
  list(request: { dir: string }): Promise<OriginFile[]>;
  /** Of a file of a run; null if there is no such file. */
  sha256(request: { dir: string; file: string }): Promise<string | null>;
  queue(request: object): Promise<QueueView>;
  /** @returns the id of the run */
  moveInQueue(request: { run: string; to: Move }): Promise<string>;
  /** @param request `runs`: null for the default */
  limitQueue(request: { device: Limited; runs: number | null }): Promise<null>;
  devices(request: object): Promise<readonly DeviceInfo[]>;
  runtimes(request: object): Promise<readonly InstalledRuntime[]>;
  /** The variant that fits that machine. @throws UserError `runtime.*` */
  chooseRuntime(request: { name: Installable; wishes: Wishes }): Promise<string>;
  installRuntime(request: RuntimeRequest): Promise<InstalledRuntime>;
  /** Whether it computes on a GPU. */
  verifyRuntime(request: { name: Installable }): Promise<boolean>;
  removeRuntime(request: { name: Installable }): Promise<RemovedRuntime>;
  /** Deletes what no run and no client uses. */
  clean(request: CleanRequest): Promise<Cleaned>;
  /** Bytes of disk in Winnow's folder there, by what they are for. */
  usage(request: object): Promise<Readonly<Record<string, number>>>;
  /** With `slurm`, also whether jobs can be submitted. */
  doctor(request: { slurm?: SlurmSettings }): Promise<readonly Check[]>;
}

/** A message to an agent. */
export interface Request {
  readonly id: number;
  readonly call: string;
  readonly request: unknown;
}

/** Its answer. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: { readonly code: string; readonly message: string; readonly hint: string };
    };

/** The id of a message that only says that the agent is still at work. */
export const PULSE = -1;
export interface Pulse {
  readonly id: typeof PULSE;
}
