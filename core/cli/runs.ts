import {
  isReadable,
  readDetails,
  RunStore,
  type ListedRun,
  type RunDetails,
  type RunSummary,
  type UnreadableDetails,
} from '../experiments/library/store';
import { workedOn } from '../experiments/run/status';
import { widest } from '../table';
import { oneLine } from '../terminal-text';
import type { AddCommand } from './context';
import { colour, colouredState, columns, duration, fields, fit, metrics, print, printJson } from './output';
import { listedJson, runDetailsJson, unreadableDetailsJson } from './run-json';
import { withRuns, type RunsOption } from './run-options';
import { formatResults, resultsOf } from './results';

/** The name that a person gave it, else that of its spec; a star in front of what is starred. */
const nameOf = ({ annotations, record }: RunSummary) =>
  oneLine(`${annotations.starred ? '* ' : ''}${annotations.name ?? record.spec.name}`);

/** Columns of the longest state and the gap behind it. */
const STATE_WIDTH = 12;

function listLine(run: ListedRun, idWidth: number): string {
  const start = `${fit(run.id, idWidth)}  ${colouredState(run.state, STATE_WIDTH)}`;
  if (!isReadable(run)) return start.trimEnd();
  const numbers = run.lastMetrics ? metrics(run.lastMetrics.values) : '';
  const room = Math.max(20, columns() - idWidth - STATE_WIDTH - 2);
  const nameWidth = Math.min(18, Math.floor(room / 2));
  const rest = room - nameWidth - 2;
  return `${start}${fit(nameOf(run), nameWidth)}  ${fit(numbers, rest).trimEnd()}`.trimEnd();
}

/** What is below a run that failed or cannot be read: why, and for the latter what to do. */
function listNote(run: ListedRun): string {
  const reason = isReadable(run) ? run.status.reason : run.reason;
  if (!reason || !['failed', 'damaged', 'unreadable'].includes(run.state)) return '';
  return run.state === 'failed' ? reason.message : `${reason.message} ${reason.hint}`.trimEnd();
}

export const addList: AddCommand = (program) => {
  withRuns(program.command('list'))
    .description('all runs, newest first')
    .action(async (options: RunsOption) => {
      const runs = await new RunStore(options.runsDir).list();
      if (options.json) {
        printJson({ runs: runs.map(listedJson) });
        return;
      }
      if (runs.length === 0) {
        print(`There are no runs in ${options.runsDir} yet. Start one with "winnow run <spec>".`);
        return;
      }
      const idWidth = widest(runs.map(({ id }) => oneLine(id)));
      for (const run of runs) {
        print(listLine(run, idWidth));
        const note = listNote(run);
        if (note !== '') print(colour('dim', `  ${note.replaceAll(/\s+/g, ' ')}`));
      }
    });
};

function details(run: RunDetails): string {
  const { record, status, annotations } = run;
  const { spec } = record;
  const { tags = spec.tags, notes = spec.notes } = annotations;
  const rows: [string, string][] = [
    ['state', colouredState(run.state) + (status.reason ? `: ${status.reason.message}` : '')],
    ['method', spec.method],
    ['created', date(record.created)],
  ];
  if (status.started !== null) {
    rows.push(['started', date(status.started)]);
    const attempts = status.attempt > 1 ? ` in ${status.attempt} attempts` : '';
    rows.push(['ran', `${duration(workedOn(status) / 1000)}${attempts}`]);
  }
  const { threads } = spec.device;
  rows.push([
    'device',
    `${spec.device.provider}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, seed ${spec.seed}`,
  ]);
  if (record.git)
    rows.push(['commit', `${record.git.commit.slice(0, 12)}${record.git.dirty ? ' (with changes)' : ''}`]);
  for (const parent of record.parents)
    rows.push(['from', parent.run ? `${parent.run}, checkpoint ${parent.checkpoint ?? ''}` : parent.path]);
  if (record.rerunOf) rows.push(['repeats', record.rerunOf]);
  if (tags?.length) rows.push(['tags', tags.join(', ')]);
  if (notes) rows.push(['notes', notes]);
  rows.push(['folder', run.dir]);

  const parts = [colour('bold', `${run.id}  ${nameOf(run)}`), fields(rows)];
  const phases = [...run.history.metrics].flatMap(([phase, lines]): [string, string][] => {
    const last = lines.at(-1);
    // Judgements of finished models are in the table of the results.
    return last && !phase.startsWith('result/')
      ? [[`  ${phase || 'training'}`, `step ${last.step}  ${metrics(last.values)}`]]
      : [];
  });
  if (phases.length > 0) parts.push(`metrics\n${fields(phases)}`);
  if (run.checkpoints.length > 0) {
    const told = run.history.checkpoints;
    const list = run.checkpoints.map(({ name }): [string, string] => {
      const event = told.get(name);
      return [`  ${name}`, event ? [`step ${event.step}`, metrics(event.metrics ?? {})].join('  ').trimEnd() : ''];
    });
    parts.push(`checkpoints\n${fields(list)}`);
  }
  if (run.artifacts.length > 0) parts.push(artifactList(run.artifacts));
  for (const note of run.history.notes) parts.push(`note: ${note.text}`);
  for (const problem of run.problems) parts.push(`${colour('yellow', 'unreadable')}: ${problem}`);
  if (status.reason?.hint) parts.push(status.reason.hint);
  return parts.join('\n\n');
}

function unreadableDetails({ id, state, reason, created, dir, checkpoints, artifacts }: UnreadableDetails): string {
  const rows: [string, string][] = [
    ['state', `${colouredState(state)}: ${reason.message}`],
    ['created', date(created)],
    ['folder', dir],
  ];
  const parts = [colour('bold', oneLine(id)), fields(rows)];
  if (checkpoints.length > 0)
    parts.push(`checkpoints\n${checkpoints.map(({ name }) => `  ${oneLine(name)}`).join('\n')}`);
  if (artifacts.length > 0) parts.push(artifactList(artifacts));
  return [...parts, reason.hint].join('\n\n');
}

const date = (time: number) => new Date(time).toLocaleString('sv-SE');

const artifactList = (names: readonly string[]) => `artifacts\n${names.map((name) => `  ${oneLine(name)}`).join('\n')}`;

export const addShow: AddCommand = (program) => {
  withRuns(program.command('show <run>'))
    .description('one run: state, numbers, checkpoints (<run>: an id, a part of it, or "latest")')
    .action(async (reference: string, options: RunsOption) => {
      const run = await readDetails(await new RunStore(options.runsDir).find(reference));
      if (!('history' in run)) {
        if (options.json) printJson(unreadableDetailsJson(run));
        else print(unreadableDetails(run));
        return;
      }
      const results = await resultsOf(run.dir);
      if (options.json) printJson(runDetailsJson(run, results));
      else print(details(run) + (results ? `\n\n${formatResults(results)}` : ''));
    });
};
