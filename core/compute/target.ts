import type { RunStatus } from '../experiments/run/status';

/** A place where runs run. The run directory is the only channel to a worker; a target starts and signals processes. */
export interface ComputeTarget {
  readonly name: string;
  /**
   * Starts a worker on a run directory, detached from this process; resolves once the worker has taken the run over.
   * @throws UserError `run.busy`, `run.not-started`
   */
  start(dir: string): Promise<void>;
  /**
   * Asks the worker to save a checkpoint and end; with `force`, ends it and all that it started at once, whatever state
   * they are in, and writes down that it was stopped. Without `force` it resolves when the worker has been asked.
   * @throws UserError `run.not-running`, `run.elsewhere`, `run.denied`; with `force` `run.unkillable`
   */
  stop(dir: string, options: { force: boolean }): Promise<void>;
  /** Whether the worker that wrote a status still runs. */
  isAlive(status: RunStatus): Promise<boolean>;
}
