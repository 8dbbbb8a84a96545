import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode, UserError } from '../errors';
import { Lease } from '../experiments/run/lease';
import { clearUnfinished } from '../experiments/run/mend';
import { isAlive, isThisHost, type ProcessIdentity } from '../experiments/run/process';
import { runPaths, writeStatus } from '../experiments/run/directory';
import { readState } from '../experiments/run/state';
import type { RunStatus } from '../experiments/run/status';
import { checkWritable, explainDiskError } from '../files';
import { NO_WAIT } from '../file-errors';
import { explainSignalError, killTree } from './process-tree';
import type { ComputeTarget } from './target';

/** Between two looks at a run that is starting or ending, milliseconds. */
const POLL = 50;
/** A killed process that is still there after this waits for a disk or a device that does not answer, milliseconds. */
const KILL_TIMEOUT = 10_000;

/** Runs on this machine, as processes of their own session, so that they outlive the terminal and the window. */
export class LocalCompute implements ComputeTarget {
  readonly name = 'local';

  /** @param worker path of the bundled `worker.js` */
  constructor(readonly worker: string) {}

  async start(dir: string): Promise<void> {
    const paths = runPaths(dir);
    const { status: before, state } = await readState(dir);
    if (before.worker && (state === 'running' || state === 'stopping'))
      throw new UserError(
        'run.busy',
        `The run in ${dir} is being worked on by process ${before.worker.pid} on ${before.worker.host}.`,
        'Wait for it, or stop it first.',
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
        // Looked up before the status: a worker may take the run over and finish it between the two.
        const { yes: late } = ended;
        if ((await readState(dir)).status.worker?.pid === child.pid) return;
        if (late) {
          // A worker that cannot write may not be able to say so either.
          await checkWritable(dir);
          const said = readFileSync(paths.log).subarray(logged).toString('utf8').trim();
          throw new UserError(
            'run.not-started',
            `The worker ended at once: ${said || 'it said nothing'}`,
            `See ${paths.log}.`,
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
    const { worker } = status;
    if (!worker || (state !== 'running' && state !== 'stopping'))
      throw new UserError(
        'run.not-running',
        `The run is not running: it is ${state}.`,
        '"winnow list" shows all runs.',
      );
    if (!isThisHost(worker))
      throw new UserError('run.elsewhere', `The run is running on ${worker.host}.`, 'Stop it from that machine.');
    // A second signal would stop it at once, without the checkpoint that it is about to save.
    if (!force && state === 'stopping') return;
    if (force) {
      await this.#settle(dir, killTree(worker));
      return;
    }
    try {
      process.kill(worker.pid, 'SIGTERM');
    } catch (error) {
      // It ended by itself a moment ago, which is what was asked for.
      if (systemCode(error) !== 'ESRCH') throw explainSignalError(error, worker.pid);
    }
  }

  async isAlive(status: RunStatus): Promise<boolean> {
    return Promise.resolve(status.worker !== null && isAlive(status.worker, status.heartbeat));
  }

  /** Says for a killed worker what it can no longer say, once it and what it had started are gone. */
  async #settle(dir: string, killed: readonly ProcessIdentity[]): Promise<void> {
    const deadline = Date.now() + KILL_TIMEOUT;
    for (const one of killed)
      while (isAlive(one, 0)) {
        if (Date.now() > deadline)
          throw new UserError('run.unkillable', `Process ${one.pid} does not end.`, 'It waits for a disk or a device.');
        await sleep(POLL);
      }
    const { status, state } = await readState(dir);
    if (state !== 'lost' && state !== 'damaged') return;
    const lease = await Lease.take(dir, status);
    try {
      await clearUnfinished(lease);
      await writeStatus(dir, {
        ...status,
        state: 'stopped',
        ended: Date.now(),
        reason: {
          code: 'run.stopped',
          message: 'Stopped at once; the work since the last checkpoint is lost.',
          hint: 'Continue it with "winnow resume".',
        },
      });
    } finally {
      await lease.release();
    }
  }
}

function openLog(file: string): number {
  let log: number | undefined;
  try {
    log = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_WAIT, 0o666);
    if (fstatSync(log).isFile()) return log;
  } catch (error) {
    // ENXIO: a named pipe that nobody reads.
    if (systemCode(error) !== 'ENXIO') throw explainDiskError(error, file);
  }
  if (log !== undefined) closeSync(log);
  throw new UserError('disk.not-a-file', `${file} is not a file.`, 'Something else has taken its place: move it away.');
}
