import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { PlannedTrial } from '../../experiments/method';
import type { Registry } from '../../experiments/registry';
import { readRecord, runPaths, writeStatus } from '../../experiments/run/directory';
import { deviceOf, methodOf } from '../../experiments/run/launch';
import { isMirror } from '../../experiments/run/lease';
import { attemptsIn, newestOf } from '../../experiments/run/lock-file';
import { mirrorPath } from '../../experiments/run/mirror-file';
import { readState, type StatusAndState } from '../../experiments/run/state';
import { isInterrupted, workedOn, type RunStatus } from '../../experiments/run/status';
import { readStopRequest, requestStop } from '../../experiments/run/stop-request';
import { TrialEvents } from '../../experiments/run/trial-events';
import { forgetFailures, taskLogs, trialsDone } from '../../experiments/run/trial-folder';
import { makeFolder } from '../../files';
import { isActive, isUnderway, isWaiting } from '../../protocol/runs';
import { SLURM } from '../../workers/worker';
import type { Verdict } from '../mirror';
import { recordStop } from '../record-stop';
import { arraysOf, indicesOf } from './arrays';
import {
  cancelJobs,
  clusterLimits,
  describeArray,
  describeJob,
  findJob,
  jobsAhead,
  jobsOfUser,
  submitJob,
  type Job,
  type JobList,
  type ListedJob,
} from './commands';
import { oneJob, readJob, writeJob, type JobFile } from './job-file';
import { scriptOf } from './script';
import type { SlurmSettings } from './settings';
import { endInWords, phaseOf, waitInWords } from './states';
import { tallyInWords, tallyOf } from './tally';

/** One question to the controller serves all runs for this long, milliseconds. */
const FRESH = 3_000;
/** A submission takes less than this, milliseconds: sbatch has a limit of a minute, and a look for the job another one. */
const SUBMITTING = 180_000;
const POLL = 500;
/** A cancelled job that is still there after this is stuck, milliseconds. */
const CANCEL_TIMEOUT = 120_000;

/** A run whose trials are jobs, while these work. */
interface Spread {
  readonly file: JobFile;
  readonly status: RunStatus;
}

/**
 * Has Slurm execute runs, on the machine that can submit jobs. A run is one job; or its trials are tasks of job arrays, and a last job
 * collects them. Its directory is on a disk that the nodes see. At the time limit and on preemption a job saves a checkpoint and goes
 * back to the queue.
 */
export class SlurmJobs {
  #asked: { readonly at: number; readonly jobs: Promise<JobList> } | undefined;
  /** The jobs of all users that wait, asked for only while one of ours does. */
  #line: { readonly at: number; readonly ahead: ReturnType<typeof jobsAhead> } | undefined;
  readonly #events = new Map<string, TrialEvents>();

  /** @param worker path of the bundled `worker.js`, on a disk that the nodes see */
  constructor(
    readonly worker: string,
    readonly registry: Registry,
    readonly settings: SlurmSettings,
  ) {}

  async submit(dir: string): Promise<void> {
    if (existsSync(mirrorPath(dir))) throw isMirror(dir);
    const { status: before, state } = await this.state(dir);
    if (isUnderway(state))
      throw new UserError('run.busy', l10n.t`The run in ${dir} is ${state}.`, l10n.t('Wait for it, or stop it first.'));
    const { id } = await readRecord(dir);
    const name = `winnow-${id}-${randomBytes(3).toString('hex')}`;
    const trials = this.settings.concurrent === undefined ? [] : await this.#trialsOf(dir);
    const done = await trialsDone(dir, trials);
    const open = trials.filter((trial) => !done.has(trial.name));
    if (open.length > 1) await this.#submitTrials(dir, before, name, trials, open);
    else await this.#submitRun(dir, before, name);
    this.#asked = undefined;
  }

  /** The trials of a run; none if it is not made of trials. @throws UserError as `planSpec` */
  async #trialsOf(dir: string): Promise<readonly PlannedTrial[]> {
    const { spec, baseDir } = await readRecord(dir);
    const { method, config } = methodOf(spec, this.registry);
    return (await method.trials?.(config, { baseDir, runsDir: path.dirname(dir), seed: spec.seed })) ?? [];
  }

  async #submitRun(dir: string, before: RunStatus, name: string): Promise<void> {
    const file = oneJob(name);
    await writeJob(dir, file);
    // Before the job exists: it may start at once, and writes its own status then.
    await writeStatus(dir, submittedAs(name, before));
    try {
      const job = await submitJob(
        scriptOf(this.worker, dir, 'run'),
        name,
        this.#options(dir, literal(runPaths(dir).log)),
      );
      await writeJob(dir, { ...file, job });
    } catch (error) {
      // What has been submitted in spite of the error is found by its name.
      if (isRefusal(error)) await writeStatus(dir, refusedAs(before, error));
      throw error;
    }
  }

  /** Submits the open trials as arrays, and a job that collects them; or nothing, if a part is refused. */
  async #submitTrials(
    dir: string,
    before: RunStatus,
    name: string,
    trials: readonly PlannedTrial[],
    open: readonly PlannedTrial[],
  ): Promise<void> {
    const { concurrent, trialsPerJob, cpus } = this.settings;
    const limits = await clusterLimits();
    if (limits.arraySize < 2)
      throw new UserError(
        'slurm.no-arrays',
        l10n.t('This cluster allows no job arrays (MaxArraySize), so the trials of a run cannot be jobs of their own.'),
        l10n.t('Add the remote again without --concurrent: then a run is one job.'),
      );
    // One is needed for the job that collects.
    const perTask = Math.max(trialsPerJob, Math.ceil(open.length / Math.max(1, limits.jobs - 1)));
    const planned = arraysOf(open, { size: limits.arraySize, perTask });
    let file: JobFile = {
      ...oneJob(name),
      trials: trials.map((trial) => trial.name),
      arrays: planned.map(({ tasks }, i) => ({
        name: `${name}-${i}`,
        job: null,
        tasks: Object.fromEntries([...tasks].map(([index, names]) => [String(index), [...names]])),
      })),
    };
    await writeJob(dir, file);
    await makeFolder(taskLogs(dir));
    await forgetFailures(dir, open);
    const attempt = Math.max(before.attempt, ...(await attemptsIn(dir))) + 1;
    const { spec } = await readRecord(dir);
    // The bits may depend on it, so all jobs use the same number: without a number of CPUs, Slurm gives them one.
    const own = spec.device.auto ? (cpus ?? 1) : spec.device.threads;
    const device = before.attempt > 0 ? before.device : { ...deviceOf(spec, before), threads: own };
    await writeStatus(dir, { ...submittedAs(name, before), attempt, device });
    const output = `${literal(taskLogs(dir))}/%A_%a.txt`;
    const ids: string[] = [];
    try {
      for (const [i, { tasks, after }] of planned.entries()) {
        // An array has a limit of its own: for all to have one together, they come one after another.
        const most = concurrent !== undefined && concurrent < open.length;
        const waits = [
          ...(after === undefined ? [] : [`aftercorr:${ids[after]!}`]),
          ...(most && i > 0 ? [`afterany:${ids[i - 1]!}`] : []),
        ];
        const job = await submitJob(scriptOf(this.worker, dir, tasks), file.arrays[i]!.name, [
          ...this.#options(dir, output),
          `--array=${indicesOf([...tasks.keys()])}${most ? `%${concurrent}` : ''}`,
          ...(waits.length > 0 ? [`--dependency=${waits.join()}`, '--kill-on-invalid-dep=yes'] : []),
        ]);
        ids.push(job);
        file = { ...file, arrays: file.arrays.map((array, at) => (at === i ? { ...array, job } : array)) };
        await writeJob(dir, file);
      }
      const job = await submitJob(scriptOf(this.worker, dir, 'collect'), name, [
        ...this.#options(dir, literal(runPaths(dir).log)),
        `--dependency=afterany:${ids.join(':')}`,
      ]);
      await writeJob(dir, { ...file, job });
    } catch (error) {
      // All or nothing. If even that does not work, the run stays submitted, and can be stopped.
      const left = idsIn((await this.#fileOf(dir)) ?? file);
      await cancelJobs(left);
      await this.#waitFor(left);
      await writeStatus(dir, isRefusal(error) ? refusedAs(before, error) : before);
      await writeJob(dir, oneJob(name));
      throw error;
    }
  }

  /** @param output a file, in the words of sbatch */
  #options(dir: string, output: string): string[] {
    const { partition, account, qos, gres, cpus, memory, time, options, warning } = this.settings;
    const given = { partition, account, qos, gres, 'cpus-per-task': cpus, mem: memory, time };
    return [
      ...Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [`--${key}=${value}`])),
      ...options,
      `--chdir=${dir}`,
      `--output=${output}`,
      '--open-mode=append',
      '--requeue',
      `--signal=B:USR2@${warning}`,
    ];
  }

  /** The state of a run: its own record, and what Slurm knows about its job. @throws UserError also `slurm.no-answer` */
  async state(dir: string): Promise<StatusAndState> {
    for (let seen = await readState(dir); ;) {
      const verdict = await this.#verdictOn(dir, seen.status);
      if (!verdict) return seen;
      // The worker may have written its last status meanwhile.
      const later = await readState(dir);
      if (later.status.state === seen.status.state && later.status.attempt === seen.status.attempt)
        return { ...later, status: { ...later.status, ...verdict }, state: verdict.state };
      seen = later;
    }
  }

  async #verdictOn(dir: string, status: RunStatus): Promise<Verdict | undefined> {
    if (status.worker?.target !== SLURM || !(isUnderway(status.state) || isInterrupted(status))) return undefined;
    const file = await this.#fileOf(dir);
    const spread = file && file.arrays.length > 0 && isWaiting(status.state) ? { file, status } : undefined;
    const verdict = spread && (await this.#verdictOnTrials(dir, spread));
    if (verdict) return verdict;
    let job = file && (await this.#jobIn(file));
    // A run that has started does not wait, unless it was requeued: the answer may be from before.
    const began = isActive(status.state) || isInterrupted(status);
    if (job && began && phaseOf(job.state) === 'waits') job = await describeJob(job.id);
    // It is being submitted, from here or over another connection.
    if (!job && status.state === 'submitted' && Date.now() - status.heartbeat < SUBMITTING) return undefined;
    // Slurm has forgotten it, or never had it: nothing works on the run.
    if (!job)
      return isInterrupted(status)
        ? undefined
        : { state: 'lost', reason: endedSo(l10n.t('Slurm does not know its job any more.')) };
    switch (phaseOf(job.state)) {
      case 'waits': {
        const wait = waitInWords(job.state, job.reason, await this.#aheadOf(job.id));
        const why = spread ? l10n.t`all trials have ended, and a last job collects them: ${wait}` : wait;
        const again = status.attempt > 0 && !isInterrupted(status) && status.state !== 'submitted';
        return {
          state: 'pending',
          reason: { code: 'slurm.pending', message: again ? l10n.t`requeued; ${why}` : why, hint: '' },
        };
      }
      case 'ended':
        return this.#ended(status, job);
      default:
        // The job may put itself back into the queue: until it has, or has ended, the run is not over.
        return isInterrupted(status) ? { state: 'stopping', reason: status.reason } : undefined;
    }
  }

  /** A job has ended whose run does not say so itself. */
  async #ended(status: RunStatus, { id }: Pick<Job, 'id'>): Promise<Verdict | undefined> {
    const job = await describeJob(id);
    if (job && phaseOf(job.state) !== 'ended')
      return isInterrupted(status) ? { state: 'stopping', reason: status.reason } : undefined;
    if (isInterrupted(status))
      return job?.state === 'CANCELLED'
        ? {
            state: 'stopped',
            reason: { ...status.reason!, message: l10n.t`The job ${id} was cancelled; a checkpoint was saved.` },
          }
        : undefined;
    // What a node has written last may not be seen here yet.
    if (job?.ended !== undefined && Date.now() - job.ended < this.settings.grace * 1000) return undefined;
    const how = l10n.t`The job ${id} ${job ? endInWords(job.state, job.exitCode) : l10n.t('ended')}.`;
    if (status.state !== 'submitted' && status.state !== 'pending') return { state: 'lost', reason: endedSo(how) };
    const cancelled = job?.state === 'CANCELLED';
    return {
      state: cancelled ? 'stopped' : 'failed',
      reason: {
        code: cancelled ? 'run.stopped' : 'slurm.not-started',
        message: cancelled
          ? l10n.t`The job ${id} was cancelled before the run started.`
          : l10n.t`${how} The run had not started.`,
        hint: l10n.t('The log says more: "winnow logs".'),
      },
    };
  }

  /** How a run stands whose trials are jobs; undefined when all of these have ended. Brings what they have recorded into the run's log. */
  async #verdictOnTrials(dir: string, { file, status }: Spread): Promise<Verdict | undefined> {
    const planned = file.trials.map((name) => ({ name }));
    const done = await trialsDone(dir, planned);
    const tally = await tallyOf(file.arrays, planned.length, done, await this.#jobs());
    const events = this.#events.get(dir) ?? new TrialEvents(dir);
    this.#events.set(dir, events);
    await events.gather(status.attempt, notAfter(dir, status.attempt)).catch((error: unknown) => {
      // It is brought there later.
      if (!(error instanceof UserError)) throw error;
    });
    const isStopped = ((await readStopRequest(dir).catch(() => undefined))?.attempt ?? 0) > status.attempt;
    if (tally.running + tally.pending === 0) {
      if (!isStopped) return undefined;
      await this.#cancel(dir);
      const { status: now } = await readState(dir);
      return { state: now.state, reason: now.reason };
    }
    const ahead = tally.running === 0 && tally.waiting ? await this.#aheadOf(tally.waiting.id) : undefined;
    const reason = { code: 'slurm.trials', message: tallyInWords(tally, ahead), hint: '' };
    if (isStopped) return { state: 'stopping', reason };
    return { state: tally.running > 0 ? 'running' : 'pending', reason };
  }

  /** `job.json`, with the numbers of jobs that are found by their names. */
  async #fileOf(dir: string): Promise<JobFile | undefined> {
    const file = await readJob(dir);
    if (!file || (file.job !== null && file.arrays.every(({ job }) => job !== null))) return file;
    const found = async <T extends { readonly name: string; readonly job: string | null }>(one: T): Promise<T> => ({
      ...one,
      job: one.job ?? (await findJob(one.name)) ?? null,
    });
    const arrays: JobFile['arrays'] = [];
    for (const array of file.arrays) arrays.push(await found(array));
    const now = { ...(await found(file)), arrays };
    if (JSON.stringify(now) !== JSON.stringify(file)) await writeJob(dir, now);
    return now;
  }

  /** What Slurm knows about the job of a run. Undefined if it knows no such job. */
  async #jobIn({ job: id }: JobFile): Promise<ListedJob | undefined> {
    return id === null ? undefined : ((await this.#jobs()).get(id) ?? describeJob(id));
  }

  #jobs(): Promise<JobList> {
    if (!this.#asked || Date.now() - this.#asked.at > FRESH) this.#asked = { at: Date.now(), jobs: jobsOfUser() };
    return this.#asked.jobs;
  }

  async #aheadOf(job: string): Promise<number | undefined> {
    if (!this.#line || Date.now() - this.#line.at > FRESH) this.#line = { at: Date.now(), ahead: jobsAhead() };
    return (await this.#line.ahead).get(job);
  }

  async stop(dir: string, { force }: { readonly force: boolean }): Promise<void> {
    const { status, state } = await this.state(dir);
    if (!isUnderway(state))
      throw new UserError(
        'run.not-running',
        l10n.t`The run is not running: it is ${state}.`,
        l10n.t('"winnow list" shows all runs.'),
      );
    const { status: written } = await readState(dir);
    const file = await this.#fileOf(dir);
    if (isWaiting(written.state) && file && file.arrays.length > 0) {
      await requestStop(dir, written, { force });
      if (force) await this.#cancel(dir);
      else {
        // Those that work look for the request; the others, and the job that comes last, have nothing to save.
        await cancelJobs(idsIn(file), true);
        this.#asked = undefined;
        await this.state(dir);
      }
      return;
    }
    await requestStop(dir, status, { force });
    // A worker looks for the request with every heartbeat; a job that waits has none.
    if (force || state === 'pending') await this.#cancel(dir);
  }

  /** Ends the jobs of a run, waits until they are gone, and writes down that the run was stopped. */
  async #cancel(dir: string): Promise<void> {
    const file = await this.#fileOf(dir);
    const ids = file ? idsIn(file) : [];
    await cancelJobs(ids);
    await this.#waitFor(ids);
    this.#asked = undefined;
    const { status } = await readState(dir);
    if (!isUnderway(status.state) && !isInterrupted(status)) return;
    await new TrialEvents(dir).gather(status.attempt, notAfter(dir, status.attempt));
    // Its jobs are gone; that one is said to work is what makes it seem busy.
    const message =
      file && file.arrays.length > 0
        ? l10n.t`Stopped; ${
            (
              await trialsDone(
                dir,
                file.trials.map((name) => ({ name })),
              )
            ).size
          } of ${file.trials.length} trials are done.`
        : l10n.t('Stopped; its job was cancelled.');
    await recordStop(dir, { ...status, worker: null }, message);
  }

  /** Waits until jobs have ended. @throws UserError `run.unkillable` */
  async #waitFor(ids: readonly string[]): Promise<void> {
    const deadline = Date.now() + CANCEL_TIMEOUT;
    for (const id of ids)
      for (;;) {
        const now = [await describeJob(id), ...(await describeArray(id)).values()];
        const left = now.find((job) => job && phaseOf(job.state) !== 'ended');
        if (!left) break;
        if (Date.now() > deadline)
          throw new UserError(
            'run.unkillable',
            l10n.t`The job ${id} does not end: Slurm says ${left.state}.`,
            l10n.t('Its node may not answer; ask the administrator.'),
          );
        await sleep(POLL);
      }
  }
}

/** Throws when a worker has begun that comes after an attempt: it brings events into the log itself. */
const notAfter = (dir: string, attempt: number) => () => {
  if (newestOf(readdirSync(dir)) > attempt)
    throw new UserError('trial.run-active', l10n.t`A worker works on the run in ${dir}.`);
};

/** In names of files, sbatch replaces %j and others. */
const literal = (file: string) => file.replaceAll('%', '%%');

/** The numbers of all jobs of a run. */
const idsIn = ({ job, arrays }: JobFile): string[] =>
  [...arrays.map((array) => array.job), job].flatMap((id) => (id === null ? [] : [id]));

/** The status of a run whose job is about to be submitted. */
const submittedAs = (name: string, before: RunStatus): RunStatus => ({
  ...before,
  state: 'submitted',
  worker: { target: SLURM, handle: { name } },
  reason: null,
  heartbeat: Date.now(),
  started: null,
  ended: null,
  worked: workedOn(before),
});

const isRefusal = (error: unknown): error is UserError => error instanceof UserError && error.code === 'slurm.refused';

/** The status of a run whose job was refused: as before, or if it never had one, failed, with the reason. */
const refusedAs = (before: RunStatus, { code, message }: UserError): RunStatus =>
  before.state === 'queued'
    ? {
        ...before,
        state: 'failed',
        reason: { code, message, hint: l10n.t('Change what its jobs ask for, then continue it with "winnow resume".') },
        heartbeat: Date.now(),
        ended: Date.now(),
      }
    : before;

const endedSo = (message: string) => ({
  code: 'slurm.ended',
  message,
  hint: l10n.t('Continue it with "winnow resume".'),
});
