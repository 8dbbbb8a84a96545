import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { readRecord, runPaths, writeStatus } from '../../experiments/run/directory';
import { isMirror } from '../../experiments/run/lease';
import { mirrorPath } from '../../experiments/run/mirror-file';
import { readState, type StatusAndState } from '../../experiments/run/state';
import { isInterrupted, type RunStatus } from '../../experiments/run/status';
import { INTERRUPTED_EXIT } from '../../experiments/run/worker';
import { requestStop } from '../../experiments/run/stop-request';
import { isActive, isUnderway } from '../../protocol/runs';
import { runtimesFolder } from '../../user-folders';
import { SLURM } from '../../workers/worker';
import type { Verdict } from '../mirror';
import { quoted } from '../quoting';
import { recordStop } from '../record-stop';
import { cancelJob, describeJob, findJob, jobsAhead, jobsOfUser, submitJob, type Job } from './commands';
import { readJob, writeJob } from './job-file';
import type { SlurmSettings } from './settings';
import { endInWords, phaseOf, waitInWords } from './states';

/** One question to the controller serves all runs for this long, milliseconds. */
const FRESH = 3_000;
/** A submission takes less than this, milliseconds: sbatch has a limit of a minute, and a look for the job another one. */
const SUBMITTING = 180_000;
const POLL = 500;
/** A cancelled job that is still there after this is stuck, milliseconds. */
const CANCEL_TIMEOUT = 120_000;

/**
 * Has Slurm execute runs, on the machine that can submit jobs. A run is one job; its directory is on a disk that the nodes see. At the
 * time limit and on preemption the run saves a checkpoint and goes back to the queue.
 */
export class SlurmJobs {
  #asked: { readonly at: number; readonly jobs: Promise<Awaited<ReturnType<typeof jobsOfUser>>> } | undefined;

  /** @param worker path of the bundled `worker.js`, on a disk that the nodes see */
  constructor(
    readonly worker: string,
    readonly settings: SlurmSettings,
  ) {}

  async submit(dir: string): Promise<void> {
    if (existsSync(mirrorPath(dir))) throw isMirror(dir);
    const { status: before, state } = await this.state(dir);
    if (isUnderway(state))
      throw new UserError('run.busy', l10n.t`The run in ${dir} is ${state}.`, l10n.t('Wait for it, or stop it first.'));
    const { id } = await readRecord(dir);
    const name = `winnow-${id}-${randomBytes(3).toString('hex')}`;
    await writeJob(dir, { name, job: null });
    // Before the job exists: it may start at once, and writes its own status then.
    const worker = { target: SLURM, handle: { name } };
    await writeStatus(dir, { ...before, state: 'submitted', worker, reason: null, heartbeat: Date.now(), ended: null });
    try {
      const job = await submitJob(this.#script(dir), name, this.#options(dir));
      await writeJob(dir, { name, job });
    } catch (error) {
      // What has been submitted in spite of the error is found by its name.
      if (error instanceof UserError && error.code === 'slurm.refused') await writeStatus(dir, before);
      throw error;
    }
    this.#asked = undefined;
  }

  #options(dir: string): string[] {
    const { partition, account, qos, gres, cpus, memory, time, options, warning } = this.settings;
    const given = { partition, account, qos, gres, 'cpus-per-task': cpus, mem: memory, time };
    // In names of files, sbatch replaces %j and others.
    const literal = (file: string) => file.replaceAll('%', '%%');
    return [
      ...Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [`--${key}=${value}`])),
      ...options,
      `--chdir=${dir}`,
      `--output=${literal(runPaths(dir).log)}`,
      '--open-mode=append',
      '--requeue',
      `--signal=B:USR2@${warning}`,
    ];
  }

  /**
   * The job. At the time limit it puts itself back into the queue, which Slurm does only for preempted jobs and failed nodes; a job
   * that is cancelled gets no warning, and stays cancelled. Signals reach its shell alone, and a shell handles them when its child has ended; so it waits in the background for the worker and passes
   * them on.
   */
  #script(dir: string): string {
    return `#!/bin/sh
WINNOW_SCHEDULED=1
WINNOW_RUNTIMES=${quoted(runtimesFolder())}
export WINNOW_SCHEDULED WINNOW_RUNTIMES
warned=
trap 'warned=1; kill -USR2 $pid 2>/dev/null' USR2
trap 'kill -TERM $pid 2>/dev/null' TERM
who='{"target":"${SLURM}","handle":{"job":"'"$SLURM_JOB_ID"'"}}'
[ -e ${quoted(runPaths(dir).record)} ] || { echo "The run directory cannot be seen on $(hostname): "${quoted(dir)}" Give the remote a folder that all nodes see."; exit 66; }
${quoted(process.execPath)} ${quoted(this.worker)} ${quoted(dir)} "$who" &
pid=$!
wait $pid
code=$?
while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done
wait $pid 2>/dev/null
last=$?
[ $last = 127 ] || code=$last
if [ "$warned$code" = 1${INTERRUPTED_EXIT} ]; then scontrol requeue "$SLURM_JOB_ID" && sleep 60; fi
exit $code
`;
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
    let job = await this.#jobOf(dir);
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
        const why = waitInWords(job.state, job.reason, await jobsAhead(job.id));
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

  /** What Slurm knows about the job of a run. Undefined if it knows no such job. */
  async #jobOf(dir: string): Promise<Pick<Job, 'id' | 'state' | 'reason'> | undefined> {
    const file = await readJob(dir);
    if (!file) return undefined;
    const id = file.job ?? (await findJob(file.name));
    if (id === undefined) return undefined;
    if (file.job === null) await writeJob(dir, { ...file, job: id });
    return (await this.#jobs()).get(id) ?? describeJob(id);
  }

  #jobs(): Promise<Awaited<ReturnType<typeof jobsOfUser>>> {
    if (!this.#asked || Date.now() - this.#asked.at > FRESH) this.#asked = { at: Date.now(), jobs: jobsOfUser() };
    return this.#asked.jobs;
  }

  async stop(dir: string, { force }: { readonly force: boolean }): Promise<void> {
    const { status, state } = await this.state(dir);
    if (!isUnderway(state))
      throw new UserError(
        'run.not-running',
        l10n.t`The run is not running: it is ${state}.`,
        l10n.t('"winnow list" shows all runs.'),
      );
    await requestStop(dir, status, { force });
    // A worker looks for the request with every heartbeat; a job that waits has none.
    if (force || state === 'pending') await this.#cancel(dir);
  }

  /** Ends the job, waits until it is gone, and writes down that the run was stopped. */
  async #cancel(dir: string): Promise<void> {
    const job = await this.#jobOf(dir);
    if (job) await cancelJob(job.id);
    const deadline = Date.now() + CANCEL_TIMEOUT;
    while (job) {
      const now = await describeJob(job.id);
      if (!now || phaseOf(now.state) === 'ended') break;
      if (Date.now() > deadline)
        throw new UserError(
          'run.unkillable',
          l10n.t`The job ${job.id} does not end: Slurm says ${now.state}.`,
          l10n.t('Its node may not answer; ask the administrator.'),
        );
      await sleep(POLL);
    }
    this.#asked = undefined;
    const { status } = await readState(dir);
    if (!isUnderway(status.state) && !isInterrupted(status)) return;
    // Its job is gone; that it is said to work is what makes it seem busy.
    await recordStop(dir, { ...status, worker: null }, l10n.t('Stopped; its job was cancelled.'));
  }
}

const endedSo = (message: string) => ({
  code: 'slurm.ended',
  message,
  hint: l10n.t('Continue it with "winnow resume".'),
});
