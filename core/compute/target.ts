import type { StatusAndState } from '../experiments/run/state';
import type { DeviceInfo } from '../engine/devices';
import type { Check } from './doctor';

/**
 * A place where runs run. Whoever looks at runs reads their directories on this machine alone: where the run runs here,
 * that is its own; else it is a mirror, which the target brings up to date. A worker is only ever told things through its
 * run directory.
 */
export interface ComputeTarget {
  /** What `run.json` and `status.json` call it. */
  readonly name: string;
  /**
   * Hands a run over, to begin or to go on; it runs on without this process. Resolves once the target has it: it is
   * running, or `submitted` or `pending` where it has to wait for its turn.
   * @throws UserError `run.busy`, `run.not-started`, `run.mirror`
   */
  submit(dir: string): Promise<void>;
  /**
   * Asks the worker to save a checkpoint and end; with `force`, ends it and all that it started at once, whatever state
   * they are in, and writes down that it was stopped. Without `force` it resolves when the worker has been asked.
   * @throws UserError `run.not-running`; with `force` `run.denied`, `run.unkillable`
   */
  stop(dir: string, options: { readonly force: boolean }): Promise<void>;
  /**
   * Looks at a run where it runs, and brings its directory here up to date. Where the target cannot be reached this is not
   * an error: the state is what was heard last, and `heard` says when.
   * @throws UserError `run.unreadable`, `run.newer`, `file.*`
   */
  state(dir: string): Promise<StatusAndState>;
  /** Bytes of the event log where the run runs, from an offset: a piece of it, and none at its end. */
  follow(dir: string, offset: number): Promise<Uint8Array>;
  /**
   * Sees to it that a checkpoint or an artifact is on this machine.
   * @param item `checkpoints/<name>` or `artifacts/<name>`
   * @returns where it is
   * @throws UserError `run.no-item`
   */
  fetch(dir: string, item: string): Promise<string>;
  /** What it can compute on. */
  devices(): Promise<readonly DeviceInfo[]>;
  /** Whether everything that runs need is there. @param folder where runs would be kept */
  doctor(folder: string): Promise<readonly Check[]>;
}
