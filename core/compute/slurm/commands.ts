import { spawn } from 'node:child_process';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { stateName } from './states';

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
      env: { ...process.env, LC_ALL: 'C', SLURM_TIME_FORMAT: 'standard' },
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
  if (submitted.code !== 0)
    throw new UserError(
      'slurm.refused',
      l10n.t`Slurm refuses the job: ${lastLine(submitted.stderr) || l10n.t`sbatch ended with exit code ${submitted.code ?? '–'}`}`,
      l10n.t('Correct the partition, account, GPUs, time or memory of the remote: "winnow remote add".'),
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
  const found = await slurm('squeue', ['--noheader', '--states=all', `--name=${name}`, '--format=%A']);
  if (found.code !== 0) throw noAnswer(found, 'squeue');
  return /^\s*(\d+)\s*$/m.exec(found.stdout)?.[1];
}

/** The line that shows that an answer was not cut off. */
const FIELDS = ['JOBID', 'STATE', 'REASON'];

/**
 * All jobs of this user that Slurm knows, by number: one question, however many runs there are.
 * @throws UserError `slurm.no-answer` if the answer is an error, or not one
 */
export async function jobsOfUser(): Promise<ReadonlyMap<string, Pick<Job, 'id' | 'state' | 'reason'>>> {
  const answer = await slurm('squeue', ['--me', '--states=all', '--format=%A|%T|%r']);
  const [head = '', ...lines] = answer.stdout.split('\n');
  if (answer.code !== 0 || head.split('|').join() !== FIELDS.join() || lines.pop() !== '')
    throw noAnswer(answer, 'squeue');
  return new Map(
    lines.map((line) => {
      const [id = '', state = '', ...reason] = line.split('|');
      return [id, { id, state: stateName(state), reason: reason.join('|') }];
    }),
  );
}

/** One job. Undefined if the controller says that it knows no such job. @throws UserError `slurm.no-answer` */
export async function describeJob(id: string): Promise<Job | undefined> {
  const answer = await slurm('scontrol', ['--oneliner', 'show', 'job', id]);
  if (/invalid job id/i.test(answer.stderr)) return undefined;
  if (answer.code !== 0 || !answer.stdout.startsWith('JobId=')) throw noAnswer(answer, 'scontrol');
  const field = (name: string) => new RegExp(` ${name}=(\\S+)`).exec(answer.stdout)?.[1] ?? '';
  const ended = Date.parse(field('EndTime'));
  return {
    id,
    state: stateName(field('JobState')),
    reason: field('Reason'),
    exitCode: field('ExitCode'),
    ended: Number.isNaN(ended) || ended > Date.now() ? undefined : ended,
  };
}

/** How many waiting jobs of a partition come before this one; undefined if that cannot be told. */
export async function jobsAhead(id: string): Promise<number | undefined> {
  const answer = await slurm('squeue', ['--noheader', '--states=PENDING', '--sort=-p,i', '--format=%A|%P']).catch(
    () => undefined,
  );
  if (answer?.code !== 0) return undefined;
  const jobs = answer.stdout
    .trim()
    .split('\n')
    .map((line) => line.split('|'));
  const partition = jobs.find(([one]) => one === id)?.[1];
  if (partition === undefined) return undefined;
  return jobs.filter(([, of]) => of === partition).findIndex(([one]) => one === id);
}

/** Ends a job: Slurm asks its processes to end, and kills them later. One that has ended is no error. @throws UserError `slurm.no-answer` */
export async function cancelJob(id: string): Promise<void> {
  const answer = await slurm('scancel', [id]);
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
