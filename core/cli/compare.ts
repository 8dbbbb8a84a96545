import * as l10n from '@vscode/l10n';
import { Option } from 'commander';
import { UserError } from '../errors';
import { readCompared } from '../experiments/library/compare';
import { isReadable, RunStore, type RunSummary } from '../experiments/library/store';
import { columnsOf, differenceTo, differs, tableOf, type CompareColumn, type ComparedRun } from '../protocol/compare';
import { toCsv, toLatex, toMarkdown } from '../protocol/table-export';
import { GAP, table, widest, type Column } from '../table';
import { oneLine } from '../terminal-text';
import type { AddCommand } from './context';
import { print, printJson } from './output';
import { withRuns, type RunsOption } from './run-options';
import { widthOf, write } from './terminal';

const writers = { csv: toCsv, latex: toLatex, markdown: toMarkdown };

interface CompareOptions extends RunsOption {
  readonly format: 'table' | 'json' | keyof typeof writers;
  readonly onlyDifferent?: true;
  readonly baseline?: string;
}

export const addCompare: AddCommand = (program, { registry }) => {
  withRuns(program.command('compare [runs...]'))
    .description('runs side by side: settings, last and best metrics (default: all runs)')
    .addOption(
      new Option('--format <format>', 'output format')
        .choices(['table', 'csv', 'latex', 'markdown', 'json'])
        .default('table'),
    )
    .option('--only-different', 'hide what is the same in all runs')
    .option('--baseline <run>', 'show differences from this run')
    .action(async (references: string[], options: CompareOptions) => {
      const store = new RunStore(options.runsDir);
      const { baseline } = options;
      const base = baseline === undefined ? undefined : await store.find(baseline);
      const listed = references.length > 0 ? [] : await readableOf(store);
      const summaries = new Map(listed.map((run) => [run.dir, run]));
      const named = references.length > 0 ? await store.findAll(references) : summaries.keys();
      const dirs = [...new Set([...(base === undefined ? [] : [base]), ...named])];
      if (dirs.length === 0)
        throw new UserError(
          'run.not-found',
          l10n.t`There are no runs in ${options.runsDir}.`,
          l10n.t('Start one with "winnow run".'),
        );
      const runs: ComparedRun[] = [];
      for (const dir of dirs) runs.push(await readCompared(dir, registry.methods, summaries.get(dir)));
      const all = columnsOf(runs);
      const columns = options.onlyDifferent ? all.filter((column) => differs(column, runs)) : all;
      const { format } = options;
      if (options.json || format === 'json') printJson(compareJson(runs, columns));
      else if (format === 'table') print(transposed(runs, columns, base));
      else {
        const { header, rows } = tableOf(runs, columns);
        write(writers[format](header, rows));
      }
    });
};

/** All runs that can be compared; the others are reported on stderr. */
async function readableOf(store: RunStore): Promise<RunSummary[]> {
  const runs = await store.list();
  for (const run of runs)
    if (!isReadable(run)) write(`Skipped: ${run.reason.message} ${run.reason.hint}\n`, process.stderr);
  return runs.filter(isReadable);
}

/** The keys are a contract: scripts read them. */
const compareJson = (runs: readonly ComparedRun[], columns: readonly CompareColumn[]) => ({
  columns: columns.map(({ key, group, name, better }) => ({ key, group, name, better: better ?? null })),
  runs: runs.map((run) => ({
    id: run.id,
    name: run.name,
    dir: run.dir,
    values: Object.fromEntries(columns.map((column) => [column.key, column.value(run) ?? null])),
    ranges: run.ranges ?? {},
  })),
});

/** One column per run, because terminals scroll vertically; differences from the baseline in parentheses. */
function transposed(runs: readonly ComparedRun[], columns: readonly CompareColumn[], base: string | undefined): string {
  const baseline = runs.find(({ dir }) => dir === base);
  const cell = (column: CompareColumn, run: ComparedRun) => {
    const difference = differenceTo(column, run, baseline);
    return difference === '' ? column.show(run) : `${column.show(run)} (${difference})`;
  };
  const unique = new Set(runs.map(({ name }) => name)).size === runs.length;
  // The end of an ID is what users type.
  const titles = runs.map(({ name, id }) => ({ title: unique ? name : `${name} ${id.slice(-4)}` }));
  const rows = columns
    .map((column) => [column.title, ...runs.map((run) => cell(column, run))])
    .filter(([, ...cells]) => cells.some((text) => text !== ''));
  if (rows.length === 0) return 'The runs do not differ.';
  return besideEachOther(titles, rows).join('\n\n');
}

/** Splits the runs over several tables that fit the terminal's width. */
function besideEachOther(titles: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  // Output that is piped to another program stays one table.
  const room = process.stdout.isTTY ? widthOf(process.stdout) : Infinity;
  const cells = rows.map((row) => row.map(oneLine));
  // Measured once: a table for each number of runs that could fit would take minutes for thousands of them.
  const [first, ...widths] = ['', ...titles.map(({ title }) => oneLine(title))].map((title, column) =>
    widest([title, ...cells.map((row) => row[column] ?? '')]),
  );
  const tables: string[] = [];
  for (let from = 0; from < titles.length;) {
    let to = from + 1;
    let width = first! + GAP + widths[from]!;
    while (to < titles.length && width + GAP + widths[to]! <= room) width += GAP + widths[to++]!;
    tables.push(
      table(
        [{ title: '', align: 'left' }, ...titles.slice(from, to)],
        cells.map(([name = '', ...values]) => [name, ...values.slice(from, to)]),
      ),
    );
    from = to;
  }
  return tables;
}
