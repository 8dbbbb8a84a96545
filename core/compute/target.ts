import { UserError } from '../errors';
import { readState, type StatusAndState } from '../experiments/run/state';
import type { DeviceInfo } from '../engine/devices/devices';
import type { Plan } from '../experiments/method';
import type { RerunOf } from '../experiments/run/launch';
import type { QueueView } from '../protocol/queue';
import type { Limited, Move } from '../workers/queue/state';
import type { Spec } from '../experiments/spec/spec';
import type { Check } from './doctor';
import type { FetchOptions } from './fetch';
import type { FetchRule } from './fetch-rule';

/** A run that was brought up to date, or why it could not be. */
export type Refreshed =
  { readonly dir: string; readonly seen: StatusAndState } | { readonly dir: string; readonly error: UserError };

/**
 * A place that executes runs. Readers only use run directories on this machine: for a local run, its own directory; for a
 * remote one, a mirror that the target keeps up to date. A worker is only told things through its run directory.
 */
export interface ComputeTarget {
  /** Its name in `run.json` and `status.json`. */
  readonly name: string;
  /**
   * What a spec would do and cost there; starts nothing. Files that it names are sent there first, where that is another machine.
   * @param runsDir the folder here that would hold its run
   * @throws UserError as `planSpec`; `target.*`
   */
  plan(spec: Spec, runsDir: string): Promise<Plan>;
  /**
   * Creates a run of a spec: there, and its directory here. Starts nothing.
   * @param of the run that this one repeats, if it does
   * @returns the directory here, absolute
   * @throws UserError as `createRun`; `target.*`
   */
  create(spec: Spec, runsDir: string, of?: RerunOf): Promise<string>;
  /**
   * Checks that everything that a run needs to go on is there.
   * @throws UserError as `checkResumable`; `target.*`
   */
  checkResumable(dir: string, options: { readonly allowChanged: boolean }): Promise<void>;
  /**
   * Hands over a run to start or resume; it continues without this process. Resolves once the target has it: the run is
   * running, or `submitted` or `pending` if it has to wait for its turn.
   * @throws UserError `run.busy`, `run.not-started`, `run.mirror`
   */
  submit(dir: string): Promise<void>;
  /**
   * Asks the worker to save a checkpoint and exit, and resolves when it has been asked. With `force`, kills it and everything
   * it started at once, in whatever state they are, and records that the run was stopped.
   * @throws UserError `run.not-running`; with `force` `run.denied`, `run.unkillable`
   */
  stop(dir: string, options: { readonly force: boolean }): Promise<void>;
  /**
   * Checks a run at the target and updates its local directory. An unreachable target is not an error: the state is the last
   * one known, and `heard` says from when.
   * @throws UserError `run.unreadable`, `run.newer`, `file.*`
   */
  state(dir: string): Promise<StatusAndState>;
  /** Like `state`, but fails if the target cannot be reached. @throws UserError also `target.*` */
  refresh(dir: string): Promise<StatusAndState>;
  /**
   * `refresh` for many runs of this target, in as few questions as possible. What is wrong with one of them keeps none of the others.
   * @throws UserError `target.*` if the target cannot be reached
   */
  refreshAll(dirs: readonly string[]): Promise<readonly Refreshed[]>;
  /** A piece of the event log at the target, from a byte offset; empty at the end. */
  follow(dir: string, offset: number): Promise<Uint8Array>;
  /**
   * Makes sure that a checkpoint or artifact is on this machine. One that broke off before continues where it stopped.
   * @param item `checkpoints/<name>` or `artifacts/<name>`
   * @returns its local path
   * @throws UserError `run.no-item`, `mirror.*`, `target.*`, `disk.*`; the signal's reason
   */
  fetch(dir: string, item: string, options?: FetchOptions): Promise<string>;
  /** Which checkpoints of its runs are fetched by themselves when they have ended; none where it does not say. */
  fetches?(): Promise<FetchRule>;
  /** What runs there and what waits, in order. @throws UserError `queue.none` where a scheduler decides */
  queue(): Promise<QueueView>;
  /**
   * Moves a waiting run before or behind others that wait for the same device.
   * @param run its id, or a part of it
   * @returns its id
   * @throws UserError `queue.none`, `queue.no-run`, `queue.ambiguous`, `queue.not-waiting`
   */
  moveInQueue(run: string, to: Move): Promise<string>;
  /**
   * Sets how many runs may compute at once.
   * @param runs undefined for the default
   * @throws UserError `queue.none`
   */
  limitQueue(device: Limited, runs: number | undefined): Promise<void>;
  /** Sees to it that what waits there is started; never fails. For another machine, whatever is asked there does so. */
  wake?(): Promise<void>;
  /** The devices that it can compute on. */
  devices(): Promise<readonly DeviceInfo[]>;
  /** Checks that everything runs need is there. @param folder where runs would be stored */
  doctor(folder: string): Promise<readonly Check[]>;
}

/** Brings a run up to date. @throws UserError `target.*` */
export async function refreshed(dir: string, pull: () => Promise<void>): Promise<Refreshed> {
  try {
    await pull();
    return { dir, seen: await readState(dir) };
  } catch (error) {
    if (!(error instanceof UserError) || isAway(error)) throw error;
    return { dir, error };
  }
}

/** Whatever keeps us from a target (the network, the login, its disk) says nothing about the runs that are there. */
export const isAway = (error: unknown) => error instanceof UserError && error.code.startsWith('target.');
