import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemCode, UserError } from '../errors';
import { explainDiskError } from '../files';
import { EventWriter, vanished } from './event-log';
import { checkDevice, methodOf } from './launch';
import { takeLock } from './lock';
import { ownIdentity } from './process';
import type { Registry } from './registry';
import { isGone, readRecord, recoverRun, runPaths, type RunRecord } from './run-directory';
import { readStatus, type ExitReason, type RunStatus } from './status';
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
    const before = await readStatus(paths.status);
    const lock = await takeLock(dir, before.heartbeat);
    copyOutputTo(paths.log);
    await recoverRun(dir);
    const worker = new Worker(dir, record, before, lock.attempt);
    const exitCode = await worker.work(registry);
    await lock.release();
    return exitCode;
  } catch (error) {
    const { message, hint } = reasonFor(isGone(dir) ? vanished(dir) : error, dir);
    process.stderr.write(`${message} ${hint}\n`);
    return 1;
  }
}

class Worker {
  readonly #paths: ReturnType<typeof runPaths>;
  readonly #status: StatusKeeper;
  readonly #stop = new AbortController();
  readonly #attempt: number;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(
    readonly dir: string,
    readonly record: RunRecord,
    before: RunStatus,
    attempt: number,
  ) {
    this.#paths = runPaths(dir);
    this.#attempt = attempt;
    this.#status = new StatusKeeper(dir, {
      ...before,
      state: 'running',
      attempt,
      worker: ownIdentity(),
      device: record.spec.device,
      started: Date.now(),
      ended: null,
      reason: null,
    });
  }

  async work(registry: Registry): Promise<number> {
    // Before the status says `running`: whoever reads it may send a signal the next moment.
    const interruption = this.#interruption();
    interruption.catch(() => undefined);
    await this.#status.update();
    let events: EventWriter | undefined;
    let outcome: Outcome;
    try {
      events = new EventWriter(this.#paths.events, this.#attempt);
      events.append({ type: 'state', state: 'running' });
      outcome = await this.#execute(registry, events, interruption);
    } catch (error) {
      outcome = this.#failure(error);
    }
    return this.#end(outcome, events);
  }

  async #execute(registry: Registry, events: EventWriter, interruption: Promise<never>): Promise<Outcome> {
    const { method, config } = methodOf(this.record.spec, registry);
    await checkDevice(method, this.record.spec.device);
    for (const folder of [this.#paths.checkpoints, this.#paths.artifacts, this.#paths.cache])
      await mkdir(folder, { recursive: true });
    const running = method.run(config, {
      dir: this.dir,
      baseDir: this.record.baseDir,
      checkpointsDir: this.#paths.checkpoints,
      artifactsDir: this.#paths.artifacts,
      cacheDir: this.#paths.cache,
      seed: this.record.spec.seed,
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
      const onHeartbeatFailure = (error: unknown) => {
        if (isGone(this.dir)) reject(vanished(this.dir));
        else process.stderr.write(`Could not write status.json: ${messageOf(error)}\n`);
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
      process.on('uncaughtException', reject);
      process.on('unhandledRejection', reject);
      this.#heartbeat = setInterval(() => {
        this.#status.update().catch(onHeartbeatFailure);
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
    return { state: 'failed', reason: reasonFor(error, this.dir), exitCode: 1 };
  }

  async #end({ state, reason, exitCode }: Outcome, events: EventWriter | undefined): Promise<number> {
    clearInterval(this.#heartbeat);
    // Writing into a folder that is being deleted would leave a rest of it.
    if (isGone(this.dir) || reason?.code === 'run.vanished') throw vanished(this.dir);
    if (state === 'failed' && reason) process.stderr.write(`${reason.message} ${reason.hint}\n`);
    try {
      events?.append({ type: 'state', state, ...(reason && { reason: reason.message }) });
    } catch (error) {
      // The status below says it, and has its room on a full disk.
      process.stderr.write(`Could not write the last event: ${messageOf(error)}\n`);
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

function reasonFor(error: unknown, dir: string): ExitReason {
  const explained = DISK_ERRORS.has(systemCode(error) ?? '') ? explainDiskError(error, pathOf(error) ?? dir) : error;
  if (isGone(dir)) return { code: 'run.vanished', message: vanished(dir).message, hint: vanished(dir).hint };
  if (explained instanceof UserError) return { code: explained.code, message: explained.message, hint: explained.hint };
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return {
    code: 'internal',
    message: `Winnow failed: ${messageOf(error)}`,
    hint: 'This is a defect of Winnow; log.txt has the details.',
  };
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}
