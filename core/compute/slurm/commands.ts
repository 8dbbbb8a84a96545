import { spawn } from 'node:child_process';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { readIndices } from './arrays';
import { phaseOf, stateName } from './states';

/** A job as Slurm describes it. */
export interface Job {
  readonly id: string;
  /** The long name of its state. */
  readonly state: string;
  readonly reason: string;
  /** `exit:signal`; empty if it is not known. */
  readonly exitCode: string;
  /** When it ended, milliseconds since 1970; undefined if it has not, or that is not known. */
  readonly ended: number | undefined;
}

/** A command of Slurm does not answer for this long while its controller is down, milliseconds. */
const LIMIT = 60_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command of Slurm. @param input for its standard input @throws UserError `slurm.missing` */
function slurm(command: string, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: 'pipe',
      // The indices of an array in full, however many there are.
      env: { ...process.env, LC_ALL: 'C', SLURM_TIME_FORMAT: 'standard', SLURM_BITSTR_LEN: '0' },
    });
    let [stdout, stderr] = ['', ''];
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(
        new UserError(
          'slurm.missing',
          l10n.t`"${command}" cannot be started: this machine has no Slurm, or it is not on the PATH.`,
          l10n.t('Add a set-up line to the remote, such as "module load slurm".'),
          { cause: error },
        ),
      );
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
    child.stdin.on('error', () => undefined).end(input);
  });
}

const lastLine = (text: string) => text.trim().split('\n').at(-1)?.trim() ?? '';

/** The code of an error that says nothing about any job. */
export const NO_ANSWER = 'slurm.no-answer';

/** The controller did not answer, or not understandably: this says nothing about any job. */
const noAnswer = ({ code, stderr }: Ended, command: string) =>
  new UserError(
    NO_ANSWER,
    l10n.t`Slurm does not answer (${command}, exit code ${code ?? '–'}): ${lastLine(stderr) || l10n.t('it printed nothing')}`,
    l10n.t('Its jobs go on. Try again later.'),
  );

/**
 * Submits a script.
 * @param name of the job; unique, to find it if its number is not understood
 * @returns its number
 * @throws UserError `slurm.refused` with what Slurm says
 */
export async function submitJob(script: string, name: string, options: readonly string[]): Promise<string> {
  const args = [`--job-name=${name}`, ...options];
  let submitted = await slurm('sbatch', ['--parsable', ...args], script);
  // A wrapper of the site may not know the option.
  if (submitted.code !== 0 && /parsable|unrecognized option|unknown option/i.test(submitted.stderr))
    submitted = await slurm('sbatch', args, script);
  const id = jobIdIn(submitted.stdout);
  if (submitted.code === 0 && id !== undefined) return id;
  // It may have been submitted before it was cut off.
  if (submitted.code === null) {
    const found = await findJob(name);
    if (found !== undefined) return found;
  }
  if (submitted.code !== 0)
    throw new UserError(
      'slurm.refused',
      l10n.t`Slurm refuses the job: ${lastLine(submitted.stderr) || l10n.t`sbatch ended with exit code ${submitted.code ?? '–'}`}`,
      /limit|violates|array|temporarily/i.test(submitted.stderr) && options.some((one) => one.startsWith('--array='))
        ? l10n.t(
            'The cluster does not take so many jobs: let a job run several trials ("winnow remote add", --trials-per-job), or wait until other jobs have ended.',
          )
        : l10n.t('Correct the partition, account, GPUs, time or memory of the remote: "winnow remote add".'),
    );
  const found = await findJob(name);
  if (found !== undefined) return found;
  throw new UserError(
    'slurm.no-id',
    l10n.t`sbatch did not say the number of the job: ${lastLine(submitted.stdout + submitted.stderr)}`,
    l10n.t('Look for it with "squeue --me"; it may be running.'),
  );
}

/**
 * The job number in what sbatch, or a wrapper of it, printed: `123`, `123;cluster`, `Submitted batch job 123`, among other lines.
 * Undefined if there is none, or more than one could be it.
 */
export function jobIdIn(stdout: string): string | undefined {
  const lines = stdout.split('\n').map((line) => line.trim());
  const said = lines.map((line) => /^Submitted batch job (\d+)\b/.exec(line)?.[1]).find((id) => id !== undefined);
  if (said !== undefined) return said;
  const bare = lines.flatMap((line) => /^(\d+)(?:;[\w.-]+)?$/.exec(line)?.[1] ?? []);
  return bare.length === 1 ? bare[0] : undefined;
}

/** The number of the job of this name that has not ended. @throws UserError `slurm.no-answer` */
export async function findJob(name: string): Promise<string | undefined> {
  const found = await slurm('squeue', ['--noheader', '--states=all', `--name=${name}`, '--format=%F']);
  if (found.code !== 0) throw noAnswer(found, 'squeue');
  return /^\s*(\d+)\s*$/m.exec(found.stdout)?.[1];
}

/** The line that shows that an answer was not cut off. */
const FIELDS = ['ARRAY_JOB_ID', 'ARRAY_TASK_ID', 'STATE', 'REASON'];

/** What a list says of a job. */
export type ListedJob = Pick<Job, 'id' | 'state' | 'reason'>;

/** All jobs that Slurm has listed. */
export class JobList {
  readonly #jobs = new Map<string, ListedJob>();
  readonly #tasks = new Map<string, Map<number, ListedJob>>();

  /** @param index of the task, or of several that wait: `0-3,7%2`; undefined for a job that is no array */
  add(job: ListedJob, index: string | undefined): void {
    if (index === undefined) this.#jobs.set(job.id, job);
    const tasks = this.#tasks.get(job.id) ?? new Map<number, ListedJob>();
    if (index !== undefined) this.#tasks.set(job.id, tasks);
    for (const one of index === undefined ? [] : (readIndices(index) ?? [])) tasks.set(one, job);
  }

  /** A job that is no array. */
  get(id: string): ListedJob | undefined {
    return this.#jobs.get(id);
  }

  /** The tasks of an array, by index. */
  tasksOf(id: string): ReadonlyMap<number, ListedJob> {
    return this.#tasks.get(id) ?? new Map<number, ListedJob>();
  }
}

/**
 * All jobs of this user that Slurm knows: one question, however many runs and tasks there are.
 * @throws UserError `slurm.no-answer` if the answer is an error, or not one
 */
export async function jobsOfUser(): Promise<JobList> {
  const answer = await slurm('squeue', ['--me', '--states=all', '--format=%F|%K|%T|%r']);
  const [head = '', ...lines] = answer.stdout.split('\n');
  if (answer.code !== 0 || head.split('|').join() !== FIELDS.join() || lines.pop() !== '')
    throw noAnswer(answer, 'squeue');
  const list = new JobList();
  for (const line of lines) {
    const [id = '', index = '', state = '', ...reason] = line.split('|');
    list.add({ id, state: stateName(state), reason: reason.join('|') }, index === 'N/A' ? undefined : index);
  }
  return list;
}

const fieldIn = (line: string, name: string) => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1] ?? '';

function described(id: string, line: string): Job {
  const ended = Date.parse(fieldIn(line, 'EndTime'));
  return {
    id,
    state: stateName(fieldIn(line, 'JobState')),
    reason: fieldIn(line, 'Reason'),
    exitCode: fieldIn(line, 'ExitCode'),
    ended: Number.isNaN(ended) || ended > Date.now() ? undefined : ended,
  };
}

/** One job that is no array. Undefined if neither the controller nor the accounting knows it. @throws UserError `slurm.no-answer` */
export async function describeJob(id: string): Promise<Job | undefined> {
  const answer = await slurm('scontrol', ['--oneliner', 'show', 'job', id]);
  if (/invalid job id/i.test(answer.stderr)) return (await accounted(id)).get(id);
  if (answer.code !== 0 || !answer.stdout.startsWith('JobId=')) throw noAnswer(answer, 'scontrol');
  return described(id, answer.stdout);
}

/** The tasks of an array, by index: from the controller, or the accounting if it has forgotten them. @throws UserError `slurm.no-answer` */
export async function describeArray(id: string): Promise<ReadonlyMap<number, Job>> {
  const answer = await slurm('scontrol', ['--oneliner', 'show', 'job', id]);
  const tasks = new Map<number, Job>();
  const isForgotten = /invalid job id/i.test(answer.stderr);
  if (!isForgotten && (answer.code !== 0 || !answer.stdout.startsWith('JobId='))) throw noAnswer(answer, 'scontrol');
  for (const line of isForgotten ? [] : answer.stdout.split('\n'))
    for (const index of readIndices(fieldIn(line, 'ArrayTaskId')) ?? []) tasks.set(index, described(id, line));
  for (const [key, job] of await accounted(id)) {
    const [, index] = /_(\d+)$/.exec(key) ?? [];
    if (index !== undefined && !tasks.has(Number(index))) tasks.set(Number(index), job);
  }
  return tasks;
}

/** Clusters without accounting are not asked again, milliseconds. */
const ASK_AGAIN = 600_000;
let withoutAccounting = -ASK_AGAIN;

/**
 * What the accounting knows of a job that has ended, and of its tasks: by number, `12_3` for a task. That there is no accounting is no
 * error.
 */
async function accounted(id: string): Promise<ReadonlyMap<string, Job>> {
  const jobs = new Map<string, Job>();
  if (performance.now() - withoutAccounting < ASK_AGAIN) return jobs;
  const answer = await slurm('sacct', [
    ...['--noheader', '--parsable2', '--allocations', `--jobs=${id}`],
    '--format=JobID,State,ExitCode,End',
  ]).catch(() => undefined);
  if (answer?.code !== 0) {
    if (!answer || /disabled/i.test(answer.stderr)) withoutAccounting = performance.now();
    return jobs;
  }
  for (const line of answer.stdout.trim().split('\n')) {
    const [key = '', state = '', exitCode = '', end = ''] = line.split('|');
    // A job that the controller does not know does not run, whatever was written down of it.
    if (phaseOf(state) !== 'ended') continue;
    const ended = Date.parse(end);
    jobs.set(key, {
      id,
      state: stateName(state),
      reason: '',
      exitCode,
      ended: Number.isNaN(ended) ? undefined : ended,
    });
  }
  return jobs;
}

/** What the cluster allows. */
export interface ClusterLimits {
  /** Indices of arrays are below this; 0 or 1: there are no arrays. */
  readonly arraySize: number;
  /** Jobs that the controller keeps, of all users together. */
  readonly jobs: number;
}

/** @throws UserError `slurm.no-answer`, `slurm.missing` */
export async function clusterLimits(): Promise<ClusterLimits> {
  const answer = await slurm('scontrol', ['show', 'config']);
  const valueOf = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\d+)`, 'm').exec(answer.stdout)?.[1];
  const [arraySize, jobs] = [valueOf('MaxArraySize'), valueOf('MaxJobCount')];
  if (answer.code !== 0 || arraySize === undefined) throw noAnswer(answer, 'scontrol');
  return { arraySize: Number(arraySize), jobs: jobs === undefined ? Infinity : Number(jobs) };
}

/** How many waiting jobs of its partition come before each job, of all users: one question. Empty if that cannot be told. */
export async function jobsAhead(): Promise<ReadonlyMap<string, number>> {
  const answer = await slurm('squeue', ['--noheader', '--states=PENDING', '--sort=-p,i', '--format=%A|%P']).catch(
    () => undefined,
  );
  const ahead = new Map<string, number>();
  if (answer?.code !== 0) return ahead;
  const counts = new Map<string, number>();
  for (const line of answer.stdout.trim().split('\n')) {
    const [id = '', partition = ''] = line.split('|');
    const before = counts.get(partition) ?? 0;
    counts.set(partition, before + 1);
    // An array that waits is one line, or several.
    if (!ahead.has(id)) ahead.set(id, before);
  }
  return ahead;
}

/**
 * Ends jobs, arrays with all their tasks: Slurm asks their processes to end, and kills them later. One that has ended is no error.
 * @param waiting only those, and only those tasks, that have not started
 * @throws UserError `slurm.no-answer`
 */
export async function cancelJobs(ids: readonly string[], waiting = false): Promise<void> {
  if (ids.length === 0) return;
  const answer = await slurm('scancel', [...(waiting ? ['--state=PENDING'] : []), ...ids]);
  if (answer.code !== 0 && !/invalid job id|already complet/i.test(answer.stderr)) throw noAnswer(answer, 'scancel');
}

/** A partition, as sinfo(1) describes it. */
export interface Partition {
  readonly name: string;
  readonly isDefault: boolean;
  readonly isUp: boolean;
  /** `1-00:00:00`, `infinite`. */
  readonly timeLimit: string;
  readonly nodes: number;
  /** GPUs of a node: `gpu:a100:4`; empty if it has none. */
  readonly gres: string;
}

/** @throws UserError `slurm.no-answer`, `slurm.missing` */
export async function partitions(): Promise<Partition[]> {
  const answer = await slurm('sinfo', ['--noheader', '--format=%P|%a|%l|%D|%G']);
  if (answer.code !== 0 || answer.stdout.trim() === '') throw noAnswer(answer, 'sinfo');
  return answer.stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', up = '', timeLimit = '', nodes = '', gres = ''] = line.split('|').map((field) => field.trim());
      return {
        name: name.replace(/\*$/, ''),
        isDefault: name.endsWith('*'),
        isUp: up === 'up',
        timeLimit,
        nodes: Number(nodes),
        gres: gres === '(null)' ? '' : gres,
      };
    });
}
