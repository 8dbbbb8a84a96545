import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../errors';
import type { DeviceInfo } from '../engine/devices/devices';
import { isMirror } from '../experiments/run/lease';
import { mirrorPath } from '../experiments/run/mirror-file';
import { isUnderway } from '../protocol/runs';
import { isAlive, isThisHost, type ProcessIdentity } from '../workers/process';
import { describeWorker, LOCAL, processOf } from '../workers/worker';
import { openToRead } from '../read-text';
import type { Check } from './doctor';
import { itemPath, noItem } from './mirror';
import { PIECE } from './origin';
import { readRecord, runPaths } from '../experiments/run/directory';
import type { Plan } from '../experiments/method';
import type { Registry } from '../experiments/registry';
import { checkDevice, checkResumable, createRun, methodOf, planSpec, type RerunOf } from '../experiments/run/launch';
import type { Spec } from '../experiments/spec/spec';
import { readState, type StatusAndState } from '../experiments/run/state';
import { requestStop } from '../experiments/run/stop-request';
import { checkWritable, explainDiskError } from '../files';
import { NO_WAIT } from '../file-errors';
import { recordStop } from './record-stop';
import { killTree } from './process-tree';
import { refreshed, type ComputeTarget, type Refreshed } from './target';

/** Interval between checks of a run that is starting or ending, milliseconds. */
const POLL = 50;
/** A killed process that still exists after this is blocked by a disk or a device, milliseconds. */
const KILL_TIMEOUT = 10_000;

/** Executes runs on this machine, each in a process with its own session, so that it outlives the terminal and the window. */
export class LocalCompute implements ComputeTarget {
  readonly name = LOCAL;

  /** @param worker path of the bundled `worker.js` */
  constructor(
    readonly worker: string,
    readonly registry: Registry,
  ) {}

  async plan(spec: Spec, runsDir: string): Promise<Plan> {
    await checkDevice(spec.method, spec.resolved.device);
    return planSpec(spec, runsDir);
  }

  async create(spec: Spec, runsDir: string, of?: RerunOf): Promise<string> {
    await checkDevice(spec.method, spec.resolved.device);
    return createRun(spec, runsDir, this.name, of);
  }

  async checkResumable(dir: string, options: { readonly allowChanged: boolean }): Promise<void> {
    const record = await readRecord(dir);
    await checkDevice(methodOf(record.spec, this.registry).method, record.spec.device);
    await checkResumable(dir, record, this.registry, options);
  }

  async submit(dir: string): Promise<void> {
    const paths = runPaths(dir);
    if (existsSync(mirrorPath(dir))) throw isMirror(dir);
    const { status: before, state } = await readState(dir);
    if (isUnderway(state))
      throw new UserError(
        'run.busy',
        before.worker
          ? l10n.t`The run in ${dir} is in use by ${describeWorker(before.worker)}.`
          : l10n.t`The run in ${dir} is ${state}.`,
        l10n.t('Wait for it, or stop it first.'),
      );
    const log = openLog(paths.log);
    const logged = fstatSync(log).size;
    const child = spawn(process.execPath, [this.worker, dir], {
      detached: true,
      stdio: ['ignore', log, log],
      windowsHide: true,
    });
    closeSync(log);
    const ended = { yes: false };
    const failure = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
    });
    child.once('exit', () => {
      ended.yes = true;
    });
    const takenOver = async () => {
      for (;;) {
        // Read before the status, because a worker may take the run over and finish it in between.
        const { yes: late } = ended;
        const { worker } = (await readState(dir)).status;
        if (worker && processOf(worker)?.pid === child.pid) return;
        if (late) {
          // A worker that cannot write may not be able to report it either.
          await checkWritable(dir);
          const said = readFileSync(paths.log).subarray(logged).toString('utf8').trim();
          throw new UserError(
            'run.not-started',
            l10n.t`The worker exited at once: ${said || l10n.t('it printed nothing')}`,
            l10n.t`See ${paths.log}.`,
          );
        }
        await sleep(POLL);
      }
    };
    await Promise.race([takenOver(), failure]);
    child.unref();
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

function openLog(file: string): number {
  let log: number | undefined;
  try {
    log = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_WAIT, 0o666);
    if (fstatSync(log).isFile()) return log;
  } catch (error) {
    // ENXIO: a named pipe without a reader.
    if (systemCode(error) !== 'ENXIO') throw explainDiskError(error, file);
  }
  if (log !== undefined) closeSync(log);
  throw new UserError(
    'disk.not-a-file',
    l10n.t`${file} is not a file.`,
    l10n.t('Something else is in its place: move it away.'),
  );
}
