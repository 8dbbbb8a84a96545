import { existsSync } from 'node:fs';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { useLibraryOf } from '../../engine/runtime/library';
import { UserError } from '../../errors';
import { guardWrites, makeFolder } from '../../files';
import { isActive } from '../../protocol/runs';
import { localWorker, type Worker as WorkerName } from '../../workers/worker';
import type { RunContext } from '../method';
import type { Registry } from '../registry';
import { requireAdvance } from './advance';
import { readRecord, runPaths, type RunRecord } from './directory';
import { EventWriter } from './event-log';
import { interrupted, isStop, reasonFor, stopped } from './exit-reason';
import { Interruption, StoppedAtOnce } from './interruption';
import { checkDevice, deviceOf, methodOf } from './launch';
import { Lease } from './lease';
import { thisMachine } from './machine';
import { INTERRUPTED_EXIT } from './scheduled';
import { readState } from './state';
import { STATUS_VERSION, workedOn, type RunStatus } from './status';
import { StatusKeeper } from './status-keeper';
import { stopRequested } from './stop-request';
import { readTrialStatus, trialPaths } from './trial-folder';

const FAILED = 1;
const STOPPED_AT_ONCE = 130;

/**
 * Runs trials of a run one after another in this process, each as if it were alone: what it records and where it stands goes into a
 * folder of its own, and its result into its file. Whoever starts it makes sure that no worker is active on the run. Never throws.
 * @returns 0 if all are done, 1 if one is not, 75 interrupted by a scheduler, 130 stopped at once
 */
export async function runTrials(
  runDir: string,
  trials: readonly string[],
  registry: Registry,
  name: WorkerName = localWorker(),
): Promise<number> {
  const dir = path.resolve(runDir);
  try {
    const record = await readRecord(dir);
    const { status, state } = await readState(dir);
    if (isActive(state))
      throw new UserError(
        'trial.run-active',
        l10n.t`A worker works on the run ${record.id}.`,
        l10n.t('It does the trials itself. Stop it first, to do them one by one.'),
      );
    const worker = new TrialWorker(dir, record, status, name);
    let worst = 0;
    for (const trial of trials) {
      const code = await worker.run(trial, registry);
      if (code === INTERRUPTED_EXIT || code === STOPPED_AT_ONCE || worker.isStopped) return code;
      worst = Math.max(worst, code);
    }
    return worst;
  } catch (error) {
    const { message, hint } = reasonFor(error, dir);
    process.stderr.write(`${message} ${hint}\n`);
    return FAILED;
  }
}

class TrialWorker {
  /** One for all trials: a signal may come between two. */
  readonly #interruption: Interruption;
  #status: StatusKeeper | undefined;

  constructor(
    readonly dir: string,
    readonly record: RunRecord,
    readonly seen: RunStatus,
    readonly name: WorkerName,
  ) {
    this.#interruption = new Interruption({
      dir,
      // The request is for the worker that comes after the trials, and for what prepares its work.
      stopRequested: () => stopRequested({ dir, attempt: seen.attempt + 1 }),
      beat: async (change) => this.#status?.update(change),
    });
  }

  get isStopped(): boolean {
    return this.#interruption.signal.aborted;
  }

  /** @throws LeaseLost, UserError `run.busy`, `disk.*` */
  async run(trial: string, registry: Registry): Promise<number> {
    const paths = trialPaths(this.dir, trial);
    if (existsSync(paths.done)) {
      process.stdout.write(`${trial} is done already.\n`);
      return 0;
    }
    const before = await readTrialStatus(this.dir, trial).catch(() => undefined);
    // In this job, which was started again: a new one forgets it.
    if (before?.state === 'failed') return FAILED;
    await makeFolder(paths.dir);
    const last = { heartbeat: before?.heartbeat ?? 0, attempt: before?.attempt ?? 0, worker: null };
    const lease = await Lease.take(paths.dir, last);
    const unguard = guardWrites(this.dir, () => {
      lease.check();
    });
    const device = deviceOf(this.record.spec, this.seen);
    this.#status = new StatusKeeper(lease, {
      v: STATUS_VERSION,
      state: 'running',
      attempt: lease.attempt,
      worker: this.name,
      device,
      machine: thisMachine(),
      heartbeat: Date.now(),
      started: Date.now(),
      ended: null,
      worked: before ? workedOn(before) : 0,
      reason: null,
    });
    const status = this.#status;
    const events = new EventWriter(paths.events, lease);
    try {
      this.#interruption.rearm();
      await status.update();
      process.stdout.write(`── ${trial} ──\n`);
      await requireAdvance(paths.events, lease.attempt);
      await this.#interruption.beat();
      await this.#execute(trial, registry, device, events);
      await status.end({ state: 'done' });
      return 0;
    } catch (error) {
      lease.check();
      if (error instanceof StoppedAtOnce) {
        await status.end({ state: 'stopped', reason: stopped(l10n.t('Stopped at once.')) });
        return STOPPED_AT_ONCE;
      }
      if (isStop(error, this.#interruption.signal)) {
        const { byScheduler } = this.#interruption;
        const reason = byScheduler ? interrupted() : stopped(l10n.t('Stopped on request.'));
        await status.end({ state: 'stopped', reason });
        return byScheduler ? INTERRUPTED_EXIT : FAILED;
      }
      const reason = reasonFor(error, this.dir);
      process.stderr.write(`${trial}: ${reason.message} ${reason.hint}\n`);
      await status.end({ state: 'failed', reason });
      return FAILED;
    } finally {
      this.#status = undefined;
      events.close();
      unguard();
      await lease.release();
    }
  }

  async #execute(trial: string, registry: Registry, device: RunContext['device'], events: EventWriter): Promise<void> {
    const { method, config } = methodOf(this.record.spec, registry);
    await checkDevice(method, device);
    // Before anything is computed, because a process keeps the first copy of ONNX Runtime that it loads.
    useLibraryOf(device);
    const paths = runPaths(this.dir);
    for (const folder of [paths.checkpoints, paths.artifacts, paths.cache]) await makeFolder(folder);
    const { signal } = this.#interruption;
    signal.throwIfAborted();
    await this.#interruption.race(
      method.run(config, {
        dir: this.dir,
        baseDir: this.record.baseDir,
        checkpointsDir: paths.checkpoints,
        artifactsDir: paths.artifacts,
        cacheDir: paths.cache,
        seed: this.record.spec.seed,
        device,
        signal,
        emit: (event) => {
          events.append(event);
        },
        log: (text) => process.stdout.write(`${text}\n`),
        trial,
        publishes: true,
      }),
    );
  }
}
