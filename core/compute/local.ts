import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../errors';
import type { DeviceInfo } from '../engine/devices/devices';
import { isMirror } from '../experiments/run/lease';
import { mirrorPath } from '../experiments/run/mirror-file';
import { isUnderway, isWaiting } from '../protocol/runs';
import type { QueueView } from '../protocol/queue';
import { leaveQueue } from '../workers/queue/place';
import { queueHandle } from '../workers/queue/wait';
import type { Limited, Move } from '../workers/queue/state';
import { isAlive, isThisHost, type ProcessIdentity } from '../workers/process';
import { describeWorker, LOCAL, processOf } from '../workers/worker';
import { openToRead } from '../read-text';
import type { Check } from './doctor';
import { itemPath, noItem } from './mirror';
import { PIECE } from './origin';
import { readRecord, runPaths } from '../experiments/run/directory';
import type { Plan } from '../experiments/method';
import type { Registry } from '../experiments/registry';
import { comparedMemory, requireMemory } from '../experiments/run/memory';
import { checkDevice, checkResumable, createRun, methodOf, planSpec, type RerunOf } from '../experiments/run/launch';
import type { Spec } from '../experiments/spec/spec';
import { readState, type StatusAndState } from '../experiments/run/state';
import { requestStop } from '../experiments/run/stop-request';
import { recordStop } from './record-stop';
import { killTree } from './process-tree';
import { LocalQueue } from './queue/local-queue';
import { refreshed, type ComputeTarget, type Refreshed } from './target';

/** Interval between checks of a run that is ending, milliseconds. */
const POLL = 50;
/** A killed process that still exists after this is blocked by a disk or a device, milliseconds. */
const KILL_TIMEOUT = 10_000;

/**
 * Executes runs on this machine, each in a process with its own session, so that it outlives the terminal and the window. Runs that
 * share a device wait for their turn.
 */
export class LocalCompute implements ComputeTarget {
  readonly name = LOCAL;
  readonly #queue: LocalQueue;

  /** @param worker path of the bundled `worker.js` */
  constructor(
    readonly worker: string,
    readonly registry: Registry,
  ) {
    this.#queue = new LocalQueue(worker);
  }

  async plan(spec: Spec, runsDir: string): Promise<Plan> {
    await checkDevice(spec.method, spec.resolved.device);
    return planSpec(spec, runsDir, comparedMemory);
  }

  async create(spec: Spec, runsDir: string, of?: RerunOf): Promise<string> {
    await checkDevice(spec.method, spec.resolved.device);
    await requireMemory(spec);
    return createRun(spec, runsDir, this.name, of);
  }

  async checkResumable(dir: string, options: { readonly allowChanged: boolean }): Promise<void> {
    const record = await readRecord(dir);
    await checkDevice(methodOf(record.spec, this.registry).method, record.spec.device);
    await checkResumable(dir, record, this.registry, options);
  }

  async submit(dir: string): Promise<void> {
    if (existsSync(mirrorPath(dir))) throw isMirror(dir);
    const { status: before, state } = await readState(dir);
    if (isUnderway(state))
      throw new UserError(
        'run.busy',
        before.worker && !isWaiting(state)
          ? l10n.t`The run in ${dir} is in use by ${describeWorker(before.worker)}.`
          : l10n.t`The run in ${dir} is ${state}.`,
        l10n.t('Wait for it, or stop it first.'),
      );
    const record = await readRecord(dir);
    await this.#queue.submit(dir, record, before);
  }

  async stop(dir: string, { force }: { force: boolean }): Promise<void> {
    const { status, state } = await readState(dir);
    const worker = status.worker && processOf(status.worker);
    if (!isUnderway(state))
      throw new UserError(
        'run.not-running',
        l10n.t`The run is not running: it is ${state}.`,
        l10n.t('"winnow list" shows all runs.'),
      );
    const waiting = isWaiting(state) ? queueHandle(status.worker) : undefined;
    if (waiting && (await leaveQueue(waiting))) {
      await recordStop(dir, { ...status, worker: null }, l10n.t('Stopped while it waited for its turn.'));
      return;
    }
    const near = worker && isThisHost(worker) ? worker : undefined;
    if (force && near) {
      await this.#settle(dir, killTree(near));
      return;
    }
    // A second signal would stop it at once, without the checkpoint that it is about to save.
    if (state === 'stopping' && !force) return;
    try {
      if (!(await requestStop(dir, status, { force }))) return;
    } catch (error) {
      // A request cannot be written on a full disk; a signal needs no space.
      if (near && signal(near)) return;
      throw error;
    }
    if (near) signal(near);
  }

  state(dir: string): Promise<StatusAndState> {
    return readState(dir);
  }

  refreshAll(dirs: readonly string[]): Promise<Refreshed[]> {
    return Promise.all(dirs.map((dir) => refreshed(dir, () => Promise.resolve())));
  }

  refresh(dir: string): Promise<StatusAndState> {
    return readState(dir);
  }

  async follow(dir: string, offset: number): Promise<Uint8Array> {
    const handle = await openToRead(runPaths(dir).events);
    try {
      const piece = Buffer.alloc(PIECE);
      const { bytesRead } = await handle.read(piece, 0, piece.length, offset);
      return piece.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  async fetch(dir: string, item: string): Promise<string> {
    const target = itemPath(dir, item);
    if (existsSync(target)) return Promise.resolve(target);
    throw noItem(item, l10n.t('this machine'));
  }

  queue(): Promise<QueueView> {
    return this.#queue.view();
  }

  moveInQueue(run: string, to: Move): Promise<string> {
    return this.#queue.move(run, to);
  }

  limitQueue(device: Limited, runs: number | undefined): Promise<void> {
    return this.#queue.limit(device, runs);
  }

  wake(): Promise<void> {
    return this.#queue.wake();
  }

  async devices(): Promise<readonly DeviceInfo[]> {
    return (await import('../engine/devices/devices')).listDevices();
  }

  async doctor(folder: string): Promise<readonly Check[]> {
    return (await import('./doctor')).examine(folder);
  }

  /** Writes the final status for a killed worker, once it and everything it started are gone. */
  async #settle(dir: string, killed: readonly ProcessIdentity[]): Promise<void> {
    const deadline = Date.now() + KILL_TIMEOUT;
    for (const one of killed)
      while (isAlive(one, 0)) {
        if (Date.now() > deadline)
          throw new UserError(
            'run.unkillable',
            l10n.t`Process ${one.pid} could not be killed.`,
            l10n.t('It is probably waiting for a disk or a device; try again later.'),
          );
        await sleep(POLL);
      }
    const { status, state } = await readState(dir);
    if (state !== 'lost' && state !== 'damaged') return;
    await recordStop(dir, status, l10n.t('Stopped at once; the work since the last checkpoint is lost.'));
  }
}

/** Makes a stop faster. @returns whether the signal was sent, or the process has already ended */
function signal({ pid }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 'SIGTERM');
    return true;
  } catch (error) {
    // It has just ended by itself, as requested.
    return systemCode(error) === 'ESRCH';
  }
}
