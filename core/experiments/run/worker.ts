import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { explained, failureOf, OUT_OF_MEMORY } from '../../engine/runtime/failure';
import { useLibraryOf } from '../../engine/runtime/library';
import { setTf32 } from '../../engine/runtime/tf32';
import { messageOf, UserError } from '../../errors';
import { isWaiting } from '../../protocol/runs';
import { makeFolder } from '../../files';
import { requireAdvance } from './advance';
import { EventWriter, vanished } from './event-log';
import { interrupted, isStop, reasonFor, stopped } from './exit-reason';
import { checkDevice, deviceOf, methodOf } from './launch';
import { Interruption, StoppedAtOnce } from './interruption';
import { Lease, LeaseLost } from './lease';
import { describeChange, thisMachine } from './machine';
import { afterOutOfMemory } from './memory';
import { clearUnfinished, mendRun } from './mend';
import { takePlace } from '../../workers/queue/place';
import { localWorker, type Worker as WorkerName } from '../../workers/worker';
import type { Method, RunContext } from '../method';
import type { Registry } from '../registry';
import type { ResolvedSpec } from '../spec/spec';
import { isGone, readRecord, runPaths, type RunRecord } from './directory';
import { INTERRUPTED_EXIT } from './scheduled';
import { readState } from './state';
import { workedOn, type ExitReason, type RunStatus } from './status';
import { StatusKeeper } from './status-keeper';
import { SystemSampler } from '../system/sampler';
import { clearStopRequest, stopRequested } from './stop-request';
import { TrialEvents } from './trial-events';
import { tellTaskLogs, TRIALS_UNFINISHED, whyNotDone } from './trial-folder';
import { copyOutputTo } from './worker-log';

interface Outcome {
  readonly state: 'done' | 'stopped' | 'failed';
  readonly reason: ExitReason | null;
  readonly exitCode: number;
}

export interface WorkerOptions {
  /** Its name at the target that started this process. */
  readonly name?: WorkerName;
  /** Its trials were done by processes of their own: run none, collect what is done. */
  readonly collect?: boolean;
}

/**
 * Executes a run in this process, from the beginning or from its last checkpoint, and records how it ended. Never throws; the
 * caller exits with the returned code.
 * @returns 0 done or stopped, 1 failed, 75 interrupted by a scheduler, 130 stopped at once by a second signal
 */
export async function runWorker(
  runDir: string,
  registry: Registry,
  { name = localWorker(), collect = false }: WorkerOptions = {},
): Promise<number> {
  const dir = path.resolve(runDir);
  const paths = runPaths(dir);
  try {
    await takePlace();
    const record = await readRecord(dir);
    const { status: before } = await readState(dir);
    // For a submitted run, the status already names this process as its worker.
    const lease = await Lease.take(dir, isWaiting(before.state) ? { ...before, worker: null } : before);
    copyOutputTo(paths.log);
    const exitCode = await new Worker(lease, record, before, { name, collect }).work(registry);
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
  readonly #machine = thisMachine();
  readonly #device: RunContext['device'];
  /** What has changed since the previous attempt. */
  readonly #moved: string | undefined;
  #interruption: Interruption | undefined;
  #sampler: SystemSampler | undefined;

  constructor(
    readonly lease: Lease,
    readonly record: RunRecord,
    readonly before: RunStatus,
    readonly options: Required<WorkerOptions>,
  ) {
    this.#dir = lease.dir;
    this.#paths = runPaths(lease.dir);
    this.#device = deviceOf(record.spec, before);
    this.#moved = describeChange(before.machine, this.#machine, lease.attempt);
    this.#status = new StatusKeeper(lease, {
      ...before,
      state: 'running',
      attempt: lease.attempt,
      worker: options.name,
      device: this.#device,
      machine: this.#machine,
      started: Date.now(),
      ended: null,
      worked: workedOn(before),
      reason: null,
    });
  }

  /** @throws LeaseLost, or UserError `run.vanished`: then nothing more is written */
  async work(registry: Registry): Promise<number> {
    let events: EventWriter | undefined;
    let outcome: Outcome;
    try {
      // Before anything is written, remove what the previous holder was about to rename into place.
      const lost = await mendRun(this.lease);
      await clearStopRequest(this.lease);
      // Before the status says `running`, because whoever reads that may send a signal right away.
      const interruption = new Interruption({
        dir: this.#dir,
        stopRequested: () => stopRequested(this.lease),
        beat: (change) => this.#status.update(change),
      });
      this.#interruption = interruption;
      await this.#status.update();
      // What trials have done alone.
      await new TrialEvents(this.#dir).gather(this.before.attempt, () => {
        this.lease.check();
      });
      await tellTaskLogs(this.#dir);
      // The writer truncates an incomplete line.
      this.lease.check();
      events = new EventWriter(this.#paths.events, this.lease);
      events.append({ type: 'state', state: 'running' });
      for (const text of this.#moved === undefined ? lost : [...lost, this.#moved]) {
        events.append({ type: 'note', text });
        process.stdout.write(`${text}\n`);
      }
      outcome = await this.#execute(registry, events, interruption);
    } catch (error) {
      outcome = (await this.#paused(error, registry)) ?? this.#failure(error);
    }
    return this.#end(outcome, events);
  }

  async #execute(registry: Registry, events: EventWriter, interruption: Interruption): Promise<Outcome> {
    // A stop may have been requested while the run was waiting.
    await interruption.beat();
    await requireAdvance(this.#paths.events, this.lease.attempt);
    const { method, config } = methodOf(this.record.spec, registry);
    await checkDevice(method, this.#device);
    // Before anything is computed, because a process keeps the first copy of ONNX Runtime that it loads.
    if (!method.ownProgram) useLibraryOf(this.#device);
    else if (this.#device.tf32 !== undefined) setTf32(this.#device.tf32);
    await makeFolder(this.#paths.cache);
    this.#sampler = new SystemSampler(this.lease, {
      worked: workedOn(this.before) / 1000,
      ownProgram: method.ownProgram === true,
      ...gpusOf(method, config, this.#device.provider),
      note: (text) => process.stdout.write(`${text}\n`),
    });
    const context: RunContext = {
      dir: this.#dir,
      baseDir: this.record.baseDir,
      checkpointsDir: this.#paths.checkpoints,
      artifactsDir: this.#paths.artifacts,
      cacheDir: this.#paths.cache,
      seed: this.record.spec.seed,
      ...(this.before.attempt > 0 && { earlier: { lastSeen: this.before.ended ?? this.before.heartbeat } }),
      device: this.#device,
      signal: interruption.signal,
      ...(this.options.collect && { collect: (trial: string) => whyNotDone(this.#dir, trial) }),
      emit: (event) => {
        events.append(event);
      },
      log: (text) => process.stdout.write(`${text}\n`),
    };
    try {
      interruption.signal.throwIfAborted();
      await interruption.race(method.run(config, context));
    } catch (error) {
      if (!isStop(error, interruption.signal)) throw error;
      return interruption.byScheduler
        ? { state: 'stopped', reason: interrupted(), exitCode: INTERRUPTED_EXIT }
        : { state: 'stopped', reason: stopped(l10n.t('Stopped on request.')), exitCode: 0 };
    }
    // A worker that was replaced in the middle of a write may have left an unfinished folder when it woke up.
    await clearUnfinished({ dir: this.#dir }).catch((error: unknown) => {
      if (error instanceof LeaseLost) throw error;
    });
    // Also if a stop was requested too late: the method had nothing left to do.
    return { state: 'done', reason: null, exitCode: 0 };
  }

  /** A run that lacks memory or whose device is gone waits at its last checkpoint until the user has dealt with that. */
  async #paused(error: unknown, registry: Registry): Promise<Outcome | undefined> {
    const { provider } = this.#device;
    const cause = explained(error, provider);
    const code = failureOf(cause);
    if (code === undefined || !(cause instanceof UserError)) return undefined;
    let hint = l10n.t`${cause.hint} Continue it with "winnow resume".`;
    if (code === OUT_OF_MEMORY)
      try {
        const { method, config } = methodOf(this.record.spec, registry);
        const resolved = { ...this.record.spec, config: config as ResolvedSpec['config'] };
        hint = await afterOutOfMemory({ method, resolved, baseDir: this.record.baseDir });
      } catch (problem) {
        // The advice needs files and memory, too.
        process.stderr.write(`${messageOf(problem)}\n`);
      }
    return { state: 'stopped', reason: { code, message: cause.message, hint }, exitCode: 1 };
  }

  #failure(error: unknown): Outcome {
    if (error instanceof StoppedAtOnce)
      return {
        state: 'stopped',
        reason: stopped(l10n.t('Stopped at once; the work since the last checkpoint is lost.')),
        exitCode: 130,
      };
    // Nothing is wrong with its trials: somebody has ended their jobs.
    const state = error instanceof UserError && error.code === TRIALS_UNFINISHED ? 'stopped' : 'failed';
    return { state, reason: reasonFor(error, this.#dir), exitCode: 1 };
  }

  async #end({ state, reason, exitCode }: Outcome, events: EventWriter | undefined): Promise<number> {
    this.#interruption?.end();
    await this.#sampler?.end();
    // Writing into a folder that is being deleted would leave parts of it behind.
    if (isGone(this.#dir) || reason?.code === 'run.vanished') throw vanished(this.#dir);
    this.lease.check();
    if (exitCode === 1 && reason) process.stderr.write(`${reason.message} ${reason.hint}\n`);
    try {
      events?.append({ type: 'state', state, ...(reason && { reason: reason.message }) });
    } catch (error) {
      // The status below records it too, and can be written on a full disk.
      if (state !== 'failed') process.stderr.write(`Could not write the last event: ${messageOf(error)}\n`);
    }
    events?.close();
    await this.#status.end({ state, reason });
    return exitCode;
  }
}

/** A run on the processor uses no GPU. Only CUDA looks into the environment for which ones it may use. */
function gpusOf(
  method: Method,
  config: unknown,
  provider: RunContext['device']['provider'],
): { gpuEnvironment?: NodeJS.ProcessEnv } {
  if (method.ownProgram) return { gpuEnvironment: { ...process.env, ...method.programEnvironment?.(config) } };
  if (provider === 'cpu') return {};
  return { gpuEnvironment: provider === 'cuda' || provider === 'tensorflow' ? process.env : {} };
}
