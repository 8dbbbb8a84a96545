import path from 'node:path';
import { messageOf, systemCode, UserError } from '../../errors';
import { explainDiskError, makeFolder } from '../../files';
import { EventWriter, vanished } from './event-log';
import { checkDevice, methodOf } from './launch';
import { Lease, LeaseLost } from './lease';
import { clearUnfinished, mendRun } from './mend';
import { ownIdentity } from './process';
import type { Registry } from '../registry';
import { isGone, readRecord, runPaths, type RunRecord } from './directory';
import { readState } from './state';
import { workedOn, type ExitReason, type RunStatus } from './status';
import { StatusKeeper } from './status-keeper';
import { copyOutputTo } from './worker-log';

/** Time between two heartbeats, milliseconds. */
const HEARTBEAT = 2_000;

interface Outcome {
  readonly state: 'done' | 'stopped' | 'failed';
  readonly reason: ExitReason | null;
  readonly exitCode: number;
}

/** Thrown by the second signal: no time for a checkpoint. */
class StoppedAtOnce extends Error {}

/**
 * Executes one run directory in this process, from its beginning or from its last checkpoint, and writes down how it
 * ended. Never throws; the caller ends the process with the exit code.
 * @returns 0 done or stopped, 1 failed, 130 stopped at once by a second signal
 */
export async function runWorker(runDir: string, registry: Registry): Promise<number> {
  const dir = path.resolve(runDir);
  const paths = runPaths(dir);
  try {
    const record = await readRecord(dir);
    const { status: before } = await readState(dir);
    const lease = await Lease.take(dir, before);
    copyOutputTo(paths.log);
    const exitCode = await new Worker(lease, record, before).work(registry);
    await lease.release();
    return exitCode;
  } catch (error) {
    const { message, hint } = reasonFor(isGone(dir) ? vanished(dir) : error, dir);
    process.stderr.write(`${message} ${hint}\n`);
    return 1;
  }
}

class Worker {
  readonly #dir: string;
  readonly #paths: ReturnType<typeof runPaths>;
  readonly #status: StatusKeeper;
  readonly #stop = new AbortController();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(
    readonly lease: Lease,
    readonly record: RunRecord,
    readonly before: RunStatus,
  ) {
    this.#dir = lease.dir;
    this.#paths = runPaths(lease.dir);
    this.#status = new StatusKeeper(lease, {
      ...before,
      state: 'running',
      attempt: lease.attempt,
      worker: ownIdentity(),
      device: record.spec.device,
      started: Date.now(),
      ended: null,
      worked: workedOn(before),
      reason: null,
    });
  }

  /** @throws LeaseLost, or UserError `run.vanished`: then nothing is written any more */
  async work(registry: Registry): Promise<number> {
    let events: EventWriter | undefined;
    let outcome: Outcome;
    try {
      // Before anything is written: what a holder before this one was about to put into its place is removed.
      const lost = await mendRun(this.lease);
      // Before the status says `running`: whoever reads it may send a signal the next moment.
      const interruption = this.#interruption();
      interruption.catch(() => undefined);
      await this.#status.update();
      // It cuts a torn line off.
      this.lease.check();
      events = new EventWriter(this.#paths.events, this.lease);
      events.append({ type: 'state', state: 'running' });
      for (const text of lost) {
        events.append({ type: 'note', text });
        process.stdout.write(`${text}\n`);
      }
      outcome = await this.#execute(registry, events, interruption);
    } catch (error) {
      outcome = this.#failure(error);
    }
    return this.#end(outcome, events);
  }

  async #execute(registry: Registry, events: EventWriter, interruption: Promise<never>): Promise<Outcome> {
    const { method, config } = methodOf(this.record.spec, registry);
    await checkDevice(method, this.record.spec.device);
    await makeFolder(this.#paths.cache);
    const running = method.run(config, {
      dir: this.#dir,
      baseDir: this.record.baseDir,
      checkpointsDir: this.#paths.checkpoints,
      artifactsDir: this.#paths.artifacts,
      cacheDir: this.#paths.cache,
      seed: this.record.spec.seed,
      ...(this.before.attempt > 0 && { earlier: { lastSeen: this.before.ended ?? this.before.heartbeat } }),
      device: this.record.spec.device,
      signal: this.#stop.signal,
      emit: (event) => {
        events.append(event);
      },
      log: (text) => process.stdout.write(`${text}\n`),
    });
    try {
      await Promise.race([running, interruption]);
    } catch (error) {
      if (!this.#isStop(error)) throw error;
      return { state: 'stopped', reason: stopped('Stopped on request.'), exitCode: 0 };
    }
    // A worker that was replaced in the middle of a write may have left its unfinished folder when it woke up.
    await clearUnfinished({ dir: this.#dir }).catch((error: unknown) => {
      if (error instanceof LeaseLost) throw error;
    });
    // Also when a stop was asked for too late: the method had nothing left to do.
    return { state: 'done', reason: null, exitCode: 0 };
  }

  #isStop(error: unknown): boolean {
    const { signal } = this.#stop;
    return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
  }

  /** Rejects when something ends the run from outside of its method; keeps the heartbeat going meanwhile. */
  #interruption(): Promise<never> {
    return new Promise((_resolve, reject) => {
      const onSignal = () => {
        if (this.#stop.signal.aborted) {
          reject(new StoppedAtOnce());
          return;
        }
        this.#stop.abort();
        this.#status.update({ state: 'stopping' }).catch(onHeartbeatFailure);
      };
      let failing = false;
      const onHeartbeatFailure = (error: unknown) => {
        if (isGone(this.#dir)) reject(vanished(this.#dir));
        else if (error instanceof LeaseLost) reject(error);
        // Once, until it works again: the log of a run that waits for room on the disk is not to fill it.
        else if (!failing) process.stderr.write(`${messageOf(error)} The run continues.\n`);
        failing = true;
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
      process.on('uncaughtException', reject);
      process.on('unhandledRejection', reject);
      this.#heartbeat = setInterval(() => {
        this.#status.update().then(() => {
          failing = false;
        }, onHeartbeatFailure);
      }, HEARTBEAT).unref();
    });
  }

  #failure(error: unknown): Outcome {
    if (error instanceof StoppedAtOnce)
      return {
        state: 'stopped',
        reason: stopped('Stopped at once; the work since the last checkpoint is lost.'),
        exitCode: 130,
      };
    return { state: 'failed', reason: reasonFor(error, this.#dir), exitCode: 1 };
  }

  async #end({ state, reason, exitCode }: Outcome, events: EventWriter | undefined): Promise<number> {
    clearInterval(this.#heartbeat);
    // Writing into a folder that is being deleted would leave a rest of it.
    if (isGone(this.#dir) || reason?.code === 'run.vanished') throw vanished(this.#dir);
    this.lease.check();
    if (state === 'failed' && reason) process.stderr.write(`${reason.message} ${reason.hint}\n`);
    try {
      events?.append({ type: 'state', state, ...(reason && { reason: reason.message }) });
    } catch (error) {
      // The status below says it, and has its room on a full disk.
      if (state !== 'failed') process.stderr.write(`Could not write the last event: ${messageOf(error)}\n`);
    }
    events?.close();
    await this.#status.end({ state, reason });
    return exitCode;
  }
}

const stopped = (message: string): ExitReason => ({
  code: 'run.stopped',
  message,
  hint: 'Continue it with "winnow resume".',
});

/** Disk errors that a method let pass as Node threw them, and that mean the same whoever wrote. */
const DISK_ERRORS = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);
const WRITES = new Set(['write', 'writev', 'fsync', 'fdatasync', 'ftruncate', 'rename', 'mkdir']);

const isDiskError = (error: unknown): boolean => {
  const call = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
  return DISK_ERRORS.has(systemCode(error) ?? '') || WRITES.has(call);
};

function reasonFor(error: unknown, dir: string): ExitReason {
  const explained = isDiskError(error) ? explainDiskError(error, pathOf(error) ?? dir) : error;
  if (isGone(dir)) return { code: 'run.vanished', message: vanished(dir).message, hint: vanished(dir).hint };
  if (explained instanceof UserError) return { code: explained.code, message: explained.message, hint: explained.hint };
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return {
    code: 'internal',
    message: `Winnow failed: ${messageOf(error)}`,
    hint: 'This is a bug in Winnow; log.txt has the details.',
  };
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}
