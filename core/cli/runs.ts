import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Targets } from '../compute/targets';
import { InvalidArgumentError } from 'commander';
import { NOT_FETCHED } from '../checkpoint/not-fetched';
import { messageOf, UserError } from '../errors';
import type { FoundSource } from '../experiments/library/checkpoint-source';
import {
  isReadable,
  readDetails,
  RunStore,
  type ListedRun,
  type RunDetails,
  type RunSummary,
  type UnreadableDetails,
} from '../experiments/library/store';
import { rowOfListed } from '../experiments/library/run-row';
import { LastValues } from '../experiments/run/last-values';
import { readSystem } from '../experiments/system/system-log';
import { describeMachine } from '../experiments/run/machine';
import { readState, type RunState } from '../experiments/run/state';
import { workedOn } from '../experiments/run/status';
import { LOCAL } from '../workers/worker';
import { formatBytes } from '../protocol/format';
import { isFiltering, passes } from '../protocol/run-filter';
import { runStateNames } from '../protocol/runs';
import { numbersOf, seriesOf, type SystemMetric, type SystemSeries } from '../protocol/system-series';
import { widest } from '../table';
import { oneLine, textWidth } from '../terminal-text';
import type { AddCommand } from './context';
import {
  color,
  coloredState,
  columns,
  duration,
  fields,
  fit,
  lastMetrics,
  metrics,
  metricsWithin,
  nameOfFolder,
  print,
  printJson,
} from './output';
import { listedJson, runDetailsJson, unreadableDetailsJson } from './run-json';
import { collect, withRuns, type RunsOption } from './run-options';
import { formatResults, resultsOf } from './results';

/** The name from the user, or that of the spec; starred runs are prefixed with a star. */
const nameOf = ({ annotations, record }: RunSummary) =>
  oneLine(`${annotations.starred ? '* ' : ''}${annotations.name ?? record.spec.name}`);

/** Column widths of a list, from its contents. */
interface Widths {
  readonly id: number;
  readonly state: number;
  readonly name: number;
}

/** Longer names are truncated. */
const NAME_WIDTH = 18;
/** Terminal width from which the duration of each run is shown. */
const ROOMY = 100;

function widthsOf(runs: readonly ListedRun[]): Widths {
  return {
    id: widest(runs.map(nameOfFolder)),
    state: widest(runs.map(({ state }) => state)),
    name: Math.min(NAME_WIDTH, widest(runs.flatMap((run) => (isReadable(run) ? [nameOf(run)] : [])))),
  };
}

function listLine(run: ListedRun, widths: Widths): string {
  const start = `${fit(nameOfFolder(run), widths.id)}  ${coloredState(run.state, widths.state)}`;
  if (!isReadable(run)) return start.trimEnd();
  const took = columns() < ROOMY ? '' : `  ${duration(workedOn(run.status) / 1000).padEnd(12)}`;
  const { target } = run.record;
  const where = target === LOCAL ? '' : `  on ${oneLine(target)}`;
  const line = `${start}  ${fit(nameOf(run), widths.name)}${where}${took}`;
  const room = Math.max(20, columns() - textWidth(line) - 2);
  const numbers = run.lastMetrics ? metricsWithin(run.lastMetrics.values, room) : '';
  return `${line}  ${numbers}`.trimEnd();
}

const NOTED: ReadonlySet<string> = new Set([
  'running',
  'stopping',
  'pending',
  'failed',
  'lost',
  'damaged',
  'unreadable',
]);

/** The line below a run: what it waits for, how its trials stand, why it failed or was lost, or what to do if it cannot be read. */
function listNote(run: ListedRun): string {
  const reason = isReadable(run) ? run.status.reason : run.reason;
  if (!reason || !NOTED.has(run.state)) return '';
  return ['lost', 'damaged', 'unreadable'].includes(run.state)
    ? `${reason.message} ${reason.hint}`.trimEnd()
    : reason.message;
}

interface ListOptions extends RunsOption {
  readonly state?: readonly RunState[];
  readonly method?: readonly string[];
  readonly tag?: readonly string[];
  readonly starred?: true;
  readonly limit?: number;
}

function stateNamed(text: string, before: readonly RunState[] = []): RunState[] {
  const found = runStateNames.find((state) => state === text);
  if (found) return [...before, found];
  throw new InvalidArgumentError(`It is one of ${runStateNames.join(', ')}.`);
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('It is a number from 1.');
}

export const addList: AddCommand = (program) => {
  withRuns(program.command('list [words...]'))
    .description('runs, newest first: all, or those with these words in name, note, id, tags, method or spec')
    .option('--state <state>', 'only runs in this state (may be repeated)', stateNamed)
    .option('--method <name>', 'only runs of this method (may be repeated)', collect)
    .option('--tag <tag>', 'only runs with this tag (may be repeated: with any of them)', collect)
    .option('--starred', 'only starred runs')
    .option('--limit <n>', 'only the newest n of them', countOf)
    .action(async (words: string[], options: ListOptions) => {
      const all = await new RunStore(options.runsDir).list();
      const { state: states = [], method: methods = [], tag: tags = [], starred = false, limit } = options;
      const filter = { text: words.join(' '), states, methods, tags, starred };
      const passing = isFiltering(filter) ? all.filter((run) => passes(filter, rowOfListed(run))) : all;
      const runs = passing.slice(0, limit);
      if (options.json) {
        printJson({ runs: runs.map(listedJson) });
        return;
      }
      if (all.length === 0) {
        print(`There are no runs in ${options.runsDir} yet. Start one with "winnow run <spec>".`);
        return;
      }
      if (runs.length === 0) {
        print(`None of the ${all.length} runs in ${options.runsDir} matches.`);
        return;
      }
      const widths = widthsOf(runs);
      for (const run of runs) {
        print(listLine(run, widths));
        const note = listNote(run);
        if (note !== '') print(color('dim', `  ${note.replaceAll(/\s+/g, ' ')}`));
      }
    });
};

function details(run: RunDetails, system: readonly SystemSeries[]): string {
  const { record, status, annotations } = run;
  const { spec } = record;
  const { tags = spec.tags, notes = spec.notes } = annotations;
  const rows: [string, string][] = [
    ['state', coloredState(run.state) + (status.reason ? `: ${status.reason.message}` : '')],
    ['method', spec.method],
    ['created', date(record.created)],
  ];
  if (status.started !== null) {
    rows.push(['started', date(status.started)]);
    const attempts = status.attempt > 1 ? ` in ${status.attempt} attempts` : '';
    rows.push(['ran', `${duration(workedOn(status) / 1000)}${attempts}`]);
  }
  const { provider, threads, tf32, precision } = status.device;
  const device = [
    provider,
    `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ...(tf32 === false ? ['no TF32'] : []),
    ...(precision ? [precision] : []),
  ];
  rows.push(['device', `${device.join(', ')}, seed ${spec.seed}`]);
  const machine = status.machine ?? record.machine;
  if (machine) rows.push(['machine', describeMachine(machine)]);
  if (record.git)
    rows.push(['commit', `${record.git.commit.slice(0, 12)}${record.git.dirty ? ' (with changes)' : ''}`]);
  for (const parent of record.parents)
    rows.push(['from', parent.run ? `${parent.run}, checkpoint ${parent.checkpoint ?? ''}` : parent.path]);
  if (record.rerunOf) rows.push(['rerun of', record.rerunOf]);
  if (tags?.length) rows.push(['tags', tags.join(', ')]);
  if (notes) rows.push(['notes', notes]);
  if (run.heard !== undefined) rows.push(['runs on', `${record.target}, last heard of ${date(run.heard)}`]);
  else if (record.target !== LOCAL) rows.push(['ran on', record.target]);
  const used = describeSystem(system);
  if (used !== '') rows.push(['used', used]);
  rows.push(['folder', run.dir]);

  const parts = [color('bold', `${run.id}  ${nameOf(run)}`), fields(rows)];
  const phases = [...run.history.metrics].flatMap(([phase, lines]): [string, string][] => {
    const last = lines.at(-1);
    // Evaluations of finished models are in the results table.
    return last && !phase.startsWith('result/')
      ? [[`  ${phase || 'training'}`, lastMetrics(new LastValues(lines).all)]]
      : [];
  });
  if (phases.length > 0) parts.push(`metrics\n${fields(phases)}`);
  if (run.checkpoints.length > 0) {
    const told = run.history.checkpoints;
    const list = run.checkpoints.map(({ name, source }): [string, string] => {
      const event = told.get(name);
      if (source && source.state !== 'unchanged') return [`  ${name}`, fateOf(source)];
      const away = existsSync(path.join(run.dir, 'checkpoints', name, NOT_FETCHED));
      const words = [
        ...(event ? [`step ${event.step}`, metrics(event.metrics ?? {})] : []),
        ...(away ? [color('dim', `on ${record.target}, not fetched`)] : []),
      ];
      return [`  ${name}`, words.filter((word) => word !== '').join('  ')];
    });
    parts.push(`checkpoints\n${fields(list)}`);
  }
  if (run.artifacts.length > 0) parts.push(artifactList(run.artifacts));
  for (const note of run.history.notes) parts.push(`note: ${note.text}`);
  for (const problem of run.problems) parts.push(`${color('yellow', 'unreadable')}: ${problem}`);
  if (status.reason?.hint) parts.push(status.reason.hint);
  return parts.join('\n\n');
}

/** What a run used: `CPU 187% of a core on average, memory up to 1.2 GB; GPU 0: 87% on average, memory up to 9.8 GB`. */
function describeSystem(all: readonly SystemSeries[]): string {
  const of = (metric: SystemMetric, gpu?: number) => {
    const series = all.find((one) => one.metric === metric && one.gpu?.index === gpu);
    return series && numbersOf(series);
  };
  const average = (share: number) => `${Math.round(share)}%`;
  const list = (parts: readonly (string | undefined)[]) => parts.filter((part) => part !== undefined).join(', ');
  const [cpu, memory] = [of('cpu.run'), of('memory.run')];
  const gpus = new Set(all.flatMap(({ gpu }) => (gpu ? [gpu.index] : [])));
  return [
    list([cpu && `CPU ${average(cpu.mean)} of a core on average`, memory && `memory up to ${formatBytes(memory.max)}`]),
    ...[...gpus].map((index) => {
      const [use, held] = [of('gpu.use', index), of('gpu.memory', index)];
      const said = list([use && `${average(use.mean)} on average`, held && `memory up to ${formatBytes(held.max)}`]);
      return said === '' ? '' : `GPU ${index}: ${said}`;
    }),
  ]
    .filter((part) => part !== '')
    .join('; ');
}

function unreadableDetails({ id, state, reason, created, dir, checkpoints, artifacts }: UnreadableDetails): string {
  const rows: [string, string][] = [
    ['state', `${coloredState(state)}: ${reason.message}`],
    ['created', date(created)],
    ['folder', dir],
  ];
  const parts = [color('bold', oneLine(id)), fields(rows)];
  if (checkpoints.length > 0)
    parts.push(`checkpoints\n${checkpoints.map(({ name }) => `  ${oneLine(name)}`).join('\n')}`);
  if (artifacts.length > 0) parts.push(artifactList(artifacts));
  return [...parts, reason.hint].join('\n\n');
}

const fateOf = ({ state, path: file }: FoundSource) =>
  state === 'missing'
    ? `missing: ${file} was deleted`
    : `changed since: ${file} was overwritten by another run or program`;

const date = (time: number) => new Date(time).toLocaleString('sv-SE');

const artifactList = (names: readonly string[]) => `artifacts\n${names.map((name) => `  ${oneLine(name)}`).join('\n')}`;

/** Brings a run that is underway on another machine up to date. @returns why that was not possible */
async function broughtUpToDate(dir: string, targets: Targets): Promise<string | undefined> {
  try {
    const { heard } = await readState(dir);
    if (heard !== undefined) await (await targets.of(dir)).refresh(dir);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

export const addShow: AddCommand = (program, { targets }) => {
  withRuns(program.command('show <run>'))
    .description('one run: state, numbers, checkpoints (<run>: its name, its id or a part of it, or "latest")')
    .action(async (reference: string, options: RunsOption) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const away = await broughtUpToDate(dir, targets);
      const run = await readDetails(dir);
      if (!('history' in run)) {
        if (options.json) printJson(unreadableDetailsJson(run));
        else print(unreadableDetails(run));
        return;
      }
      const { results, problem } = await resultsOf(run.dir, run.state);
      const problems = problem ? [`${problem.message} ${problem.hint}`.trimEnd()] : [];
      const system = await readSystem(run.dir).catch((error: unknown) => ({
        entries: [],
        problems: [{ text: messageOf(error) }],
      }));
      const series = seriesOf(system.entries);
      const shown = { ...run, problems: [...run.problems, ...problems, ...system.problems.map(({ text }) => text)] };
      if (options.json) printJson(runDetailsJson(shown, results, series));
      else {
        print(details(shown, series) + (results ? `\n\n${formatResults(results)}` : ''));
        if (away !== undefined) print(`\n${color('yellow', 'not up to date')}: ${oneLine(away)}`);
      }
    });
};
