import { hostname } from 'node:os';
import * as l10n from '@vscode/l10n';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { FETCH_LIMIT, FETCHES, ONLY_ASKED, parseLimit, type Fetches } from '../compute/fetch-rule';
import { addRemote, readRemotes, removeRemote, setFetches, unknownRemote, type Remote } from '../compute/remotes';
import type { Check } from '../compute/doctor';
import { KEPT, type Cleaned } from '../compute/agent/calls';
import { checkRemote, partName } from '../compute/ssh/check';
import { sshHosts } from '../compute/ssh/hosts';
import { SshCompute } from '../compute/ssh/ssh';
import { UserError } from '../errors';
import type { AddCommand, CliContext } from './context';
import { printChecks } from './doctor';
import { coloredState, color, fields, fit, nameOfFolder, print, printJson } from './output';
import { collect, withJson, withRuns, type JsonOption, type RunsOption } from './run-options';
import { runJson } from './run-json';
import { readSummary } from '../experiments/library/store';
import { formatBytes } from '../protocol/format';
import { widest } from '../table';
import { oneLine } from '../terminal-text';

interface FetchOptions extends JsonOption {
  readonly fetch?: Fetches;
  readonly fetchLimit?: number;
}

interface AddOptions extends FetchOptions {
  readonly folder?: string;
  readonly setup?: string[];
  readonly node?: string;
  readonly config?: string;
  readonly patience?: number;
  readonly check: boolean;
  readonly here?: true;
  readonly slurm?: true;
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  readonly gres?: string;
  readonly cpus?: number;
  readonly memory?: string;
  readonly time?: string;
  readonly concurrent?: number;
  readonly trialsPerJob?: number;
  readonly sbatch?: string[];
}

/** What jobs ask for, if runs are to be jobs. @throws UserError `remote.invalid` for options of jobs without --slurm */
function slurmOf({ slurm, sbatch, ...options }: AddOptions) {
  const { partition, account, qos, gres, cpus, memory, time, concurrent, trialsPerJob } = options;
  const jobs = { partition, account, qos, gres, cpus, memory, time, concurrent, trialsPerJob };
  const given = Object.entries({ ...jobs, options: sbatch });
  const asked = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  if (slurm) return { slurm: asked };
  if (Object.keys(asked).length === 0) return {};
  throw new UserError(
    'remote.invalid',
    l10n.t`--${optionOf(Object.keys(asked)[0]!)} is for jobs of Slurm.`,
    l10n.t('Add --slurm, if runs there are to be jobs.'),
  );
}

/** The option that gives a setting of jobs. */
const optionOf = (setting: string) =>
  setting === 'options' ? 'sbatch' : setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What is to be fetched by itself, of what was given. */
const fetchOf = ({ fetch, fetchLimit }: FetchOptions) => ({
  ...(fetch !== undefined && { which: fetch }),
  ...(fetchLimit !== undefined && { limit: fetchLimit }),
});

const withFetch = (command: Command) =>
  command
    .addOption(
      new Option(
        '--fetch <which>',
        'checkpoints that are fetched by themselves when a run has ended: those that you ask for, the best by the metric that the run shows first, those of the last step, all models, or all checkpoints',
      ).choices(FETCHES),
    )
    .option(
      '--fetch-limit <size>',
      `fetch none by themselves if they are larger together (default: ${formatBytes(FETCH_LIMIT)} for each run)`,
      parseLimit,
    );

/** `fetches best, up to 5.0 GB`; empty if it fetches none by itself. */
const describeFetch = ({ fetch: { which, limit } }: Remote) =>
  which === 'asked' ? '' : `fetches ${which}, up to ${formatBytes(limit)}`;

/** `Slurm: partition gpu, gres gpu:1, time 04:00:00`; empty if runs there are no jobs. */
function describeJobs({ slurm }: Remote): string {
  if (!slurm) return '';
  const { partition, account, qos, gres, cpus, memory, time, concurrent } = slurm;
  const said = Object.entries({ partition, account, qos, gres, cpus, memory, time, concurrent }).flatMap(
    ([name, value]) => (value === undefined ? [] : [`${name} ${oneLine(String(value))}`]),
  );
  return ['Slurm', said.join(', ')].filter((text) => text !== '').join(': ');
}

/** Where it is. @throws UserError `remote.invalid` where it cannot be this machine */
function placeOf(name: string, host: string | undefined, { here, slurm }: AddOptions) {
  if (!here) return { host: host ?? name };
  if (slurm && host === undefined && process.platform !== 'win32') return { host: hostname(), here };
  throw new UserError(
    'remote.invalid',
    l10n.t('--here is for the Slurm of this machine.'),
    l10n.t`Use it without a host, on the login node: winnow remote add ${name} --here --slurm`,
  );
}

/** The remote of this name. @throws UserError `remote.unknown` */
async function remoteNamed(name: string): Promise<Remote> {
  const remotes = await readRemotes();
  const remote = remotes.find((one) => one.name === name);
  if (remote) return remote;
  throw unknownRemote(name, remotes);
}

/** The compute target of a remote. @throws UserError `remote.unknown` */
async function targetOf(name: string, { targets }: CliContext): Promise<SshCompute> {
  await remoteNamed(name);
  const target = await targets.get(name);
  if (target instanceof SshCompute) return target;
  throw new UserError('remote.unknown', l10n.t`${name} is not a remote.`);
}

interface CleanOptions extends JsonOption {
  readonly dryRun?: true;
  readonly keep: number;
  readonly days: number;
}

function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 0 or greater.');
}

/** What was deleted, or would be, by what it was for. */
function printCleaned(name: string, { freed, notes }: Cleaned, dryRun: boolean): void {
  const kinds = [...new Set(freed.map(({ kind }) => kind))];
  const rows = kinds.map((kind): [string, string] => {
    const ones = freed.filter((one) => one.kind === kind);
    return [partName(kind), `${ones.length}, ${formatBytes(ones.reduce((sum, { bytes }) => sum + bytes, 0))}`];
  });
  if (rows.length > 0) print(fields(rows));
  const total = formatBytes(freed.reduce((sum, { bytes }) => sum + bytes, 0));
  if (freed.length === 0) print(`There is nothing to delete on ${name}.`);
  else print(dryRun ? `This would free ${total} on ${name}.` : `Freed ${total} on ${name}.`);
  for (const note of notes) print(oneLine(note));
}

/** Checks a remote and sets the exit code. */
async function check(remote: Remote, context: CliContext, json: boolean, more: object = {}): Promise<void> {
  const target = await targetOf(remote.name, context);
  const checks: Check[] = [];
  for await (const one of checkRemote(target)) {
    checks.push(one);
    if (!json) printChecks([one]);
  }
  if (json) printJson({ ...more, checks });
  process.exitCode = checks.some(({ result }) => result === 'fail') ? 1 : 0;
}

export const addRemoteCommands: AddCommand = (program, context) => {
  const remote = program
    .command('remote')
    .description('machines to run on, reached with SSH: add, list, set, check, runs, hosts, clean, remove');

  withFetch(withJson(remote.command('add <name> [host]')))
    .description(
      'add a machine, or replace the one of this name, and check it (<host>: what comes after "ssh"; default: the name)',
    )
    .option('--folder <path>', "Winnow's folder there; on a cluster, one that all nodes see (default: ~/.winnow)")
    .option('--setup <line>', 'a line for /bin/sh before anything else: "module load cuda" (may be repeated)', collect)
    .option('--node <path>', 'the Node.js to use there (default: the one on the PATH, or one that is sent)')
    .option('--config <file>', 'an SSH configuration file other than yours')
    .option('--patience <seconds>', 'how long it may be silent before it counts as unreachable (default: 30)', Number)
    .option('--here', 'it is this machine, the login node of a cluster: its Slurm is used without ssh')
    .option('--slurm', 'runs there are jobs of Slurm, which ask for:')
    .option('--partition <name>', '  a partition')
    .option('--account <name>', '  an account')
    .option('--qos <name>', '  a quality of service')
    .option('--gres <list>', '  GPUs: gpu:1')
    .option('--cpus <n>', '  CPUs', Number)
    .option('--memory <size>', '  memory: 16G')
    .option(
      '--time <limit>',
      '  a time limit: 04:00:00; at the limit a run saves a checkpoint and goes back to the queue',
    )
    .option(
      '--concurrent <n>',
      '  the trials of a comparison as jobs of their own, so many at once (default: a run is one job)',
      Number,
    )
    .option(
      '--trials-per-job <n>',
      '  with --concurrent: trials that a job runs one after another (default: 1)',
      Number,
    )
    .option('--sbatch <option>', '  any other option of sbatch: --constraint=a100 (may be repeated)', collect)
    .option('--no-check', 'do not check it')
    .action(async (name: string, host: string | undefined, options: AddOptions) => {
      const { folder, setup, node, config, patience } = options;
      const isKnown = (await readRemotes()).some((one) => one.name === name);
      const added = await addRemote(name, {
        ...placeOf(name, host, options),
        ...(folder !== undefined && { folder }),
        ...(setup && { setup }),
        ...(node !== undefined && { node }),
        ...(config !== undefined && { configFile: config }),
        ...(patience !== undefined && { patience }),
        fetch: { ...ONLY_ASKED, ...fetchOf(options) },
        ...slurmOf(options),
      });
      if (!options.json) print(`${isKnown ? 'Replaced' : 'Added'} ${name}: ${oneLine(added.host)}.`);
      if (options.check) await check(added, context, options.json ?? false, { remote: added });
      else if (options.json) printJson({ remote: added });
    });

  withJson(remote.command('list'))
    .description('list the machines that were added')
    .action(async (options: JsonOption) => {
      const remotes = await readRemotes();
      if (options.json) printJson({ remotes });
      else if (remotes.length === 0) print('No remotes. "winnow remote add <name> <host>" adds one.');
      else
        print(
          fields(
            remotes.map((one) => {
              const hosts = widest(remotes.map(({ host }) => oneLine(host)));
              const rest = [oneLine(one.folder), describeJobs(one), describeFetch(one)].filter((text) => text !== '');
              return [one.name, `${fit(oneLine(one.host), hosts)}  ${color('dim', rest.join('  '))}`];
            }),
          ),
        );
    });

  withFetch(withJson(remote.command('set <name>')))
    .description('change which checkpoints are fetched when a run ends (for runs that end from now on)')
    .action(async (name: string, options: FetchOptions) => {
      const change = fetchOf(options);
      if (Object.keys(change).length === 0)
        throw new UserError('remote.invalid', l10n.t('Nothing to change.'), l10n.t('Give --fetch or --fetch-limit.'));
      const changed = await setFetches(name, change);
      if (options.json) printJson({ remote: changed });
      else print(`${name} ${describeFetch(changed) || 'fetches only the checkpoints that you ask for'}.`);
    });

  withJson(remote.command('remove <name>'))
    .description('forget a machine; nothing is deleted there')
    .action(async (name: string, options: JsonOption) => {
      await removeRemote(name);
      if (options.json) printJson({ removed: name });
      else print(`${name} is removed from the list. What is on the machine stays there.`);
    });

  withJson(remote.command('check <name>'))
    .description('check a machine step by step, and say what to do about what is missing; exit code 1 if something is')
    .action(async (name: string, options: JsonOption) => {
      await check(await remoteNamed(name), context, options.json ?? false);
    });

  withJson(remote.command('clean <name>'))
    .description(
      'delete what no run uses on a machine: old versions of Winnow, inputs of runs that were deleted, incomplete files; never a run or a runtime',
    )
    .option('--dry-run', 'only say what it would free')
    .option('--keep <n>', 'versions of Winnow to keep besides those in use', wholeNumber, KEPT.keep)
    .option('--days <n>', 'keep what was used within so many days', wholeNumber, KEPT.days)
    .action(async (name: string, options: CleanOptions) => {
      const { dryRun = false, keep, days } = options;
      const cleaned = await (await targetOf(name, context)).clean({ keep, days, dryRun });
      if (options.json) printJson({ ...cleaned, dryRun });
      else printCleaned(name, cleaned, dryRun);
    });

  withJson(remote.command('runs <name>'))
    .description('list the runs on a machine, whoever started them ("winnow adopt" brings one here)')
    .action(async (name: string, options: JsonOption) => {
      const runs = await (await targetOf(name, context)).runs();
      const width = widest(runs.map(({ record }) => record.id));
      if (options.json)
        printJson({
          runs: runs.map(({ record, state, dir }) => ({ id: record.id, name: record.spec.name, state, dir })),
        });
      else if (runs.length === 0) print(`There are no runs on ${name}.`);
      else
        for (const { record, state } of runs)
          print(`${fit(oneLine(record.id), width)}  ${coloredState(state, 9)}  ${oneLine(record.spec.name)}`);
    });

  withJson(remote.command('hosts'))
    .description('list the hosts of your SSH configuration')
    .action(async (options: JsonOption) => {
      const hosts = await sshHosts();
      if (options.json) printJson({ hosts });
      else if (hosts.length === 0) print('Your SSH configuration names no hosts.');
      else for (const host of hosts) print(oneLine(host));
    });
};

export const addAdopt: AddCommand = (program, context) => {
  withRuns(program.command('adopt <remote> <run>'))
    .description(
      'show a run here that was started on a machine from elsewhere (<run>: its id, a part of it, or "latest")',
    )
    .action(async (name: string, reference: string, options: RunsOption) => {
      const dir = await (await targetOf(name, context)).adopt(reference, options.runsDir);
      const run = await readSummary(dir);
      if (options.json) printJson(runJson(run));
      else print(`${nameOfFolder(run)}  ${oneLine(run.record.spec.name)}: ${run.state} on ${name}.`);
    });
};
