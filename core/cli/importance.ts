import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { makersOf } from '../experiments/artifact-kinds';
import { RunStore } from '../experiments/library/store';
import type { ImportanceView } from '../methods/importance';
import { UserError } from '../errors';
import { formatShare } from '../protocol/format';
import {
  isLabeled,
  labelName,
  sampleLists,
  sampleStates,
  truthSentence,
  wrongSentence,
  type CleanedCopy,
  type ImportanceOverview,
  type NextSpec,
  type Opinion,
  type PassSummary,
  type SampleList,
  type SamplePage,
  type SampleQuery,
  type SampleRow,
  type SampleState,
} from '../protocol/importance';
import { table, widest } from '../table';
import { oneLine, printableJson } from '../terminal-text';
import type { AddCommand } from './context';
import { color, columns, cut, number, print, printJson } from './output';
import { withRuns, type RunsOption } from './run-options';
import { readerGone, write } from './terminal';
import { interruptible } from './work';

interface ImportanceOptions extends RunsOption {
  readonly list: SampleList;
  readonly count: number;
  readonly class?: string;
  readonly state?: SampleState;
  readonly epoch?: number;
  readonly search?: string;
  readonly wrong?: true;
  readonly flagged?: true;
  readonly cleaned?: string;
  readonly again?: string | true;
}

/** Longest table; longer lists are for programs, which use `--json`. */
const MAX_TABLE = 500;

/** The order of the list. `mislabelled`, the former spelling, is still accepted. */
function listOption(): Option {
  const option = new Option('--list <order>', 'the order').choices(sampleLists).default('important');
  const parse = option.parseArg!;
  return option.argParser<unknown>((value, previous) =>
    parse(value === 'mislabelled' ? 'mislabeled' : value, previous),
  );
}

export const addImportance: AddCommand = (program, { registry }) => {
  withRuns(program.command('importance <run>'))
    .description(
      `which samples mattered in a run of ${makersOf('importance', registry.methods)}; --json prints one object per line, with full texts`,
    )
    .addOption(listOption())
    .option('--count <samples>', 'how many to list; 0 for all', whole, 20)
    .option('--class <name>', 'only samples with this label')
    .addOption(new Option('--state <state>', 'only samples in this state').choices(sampleStates))
    .option('--epoch <epochs>', 'the selection after this many epochs (default: the last)', whole)
    .option('--search <text>', 'only samples whose text or name contains this')
    .option('--wrong', 'only samples that the model gets wrong')
    .option('--flagged', 'only samples that were flagged')
    .addOption(
      new Option(
        '--cleaned <path>',
        'copies the data without these samples: a .csv, .tsv or .jsonl file, or a folder',
      ).conflicts('again'),
    )
    .option(
      '--again [spec]',
      'writes a copy of the data without these samples, and a spec that trains on it with the settings of the run',
    )
    .action(async (reference: string, options: ImportanceOptions, command: Command) => {
      const runDir = await new RunStore(options.runsDir).find(reference);
      const { openImportance } = await import('../methods/importance');
      const view = await openImportance(runDir);
      const overview = await view.refresh();
      const query = queryOf(overview, options);
      const count = options.count === 0 ? Infinity : options.count;
      await interruptible(async ({ signal }) => {
        if (options.cleaned !== undefined || options.again !== undefined) {
          // The usual count is that of lines on a screen.
          const most = command.getOptionValueSource('count') === 'default' ? Infinity : count;
          requireWhich(overview, query, most);
          await clean(view, query, options, { signal, most });
        } else if (options.json) {
          for await (const line of view.lines(query, signal, count)) {
            if (readerGone()) return;
            write(printableJson(line));
          }
          const note = await view.note();
          if (note !== undefined) write(`${note}\n`, process.stderr);
        } else print(await describe(path.basename(runDir), view, overview, query, count, signal));
      });
    });
};

/** @throws UserError `importance.which` if the list says nothing on which samples to leave out */
function requireWhich({ passes }: ImportanceOverview, { epoch, flagged, list }: SampleQuery, most: number): void {
  const isEstimated = passes.find((pass) => pass.epoch === epoch)?.wrong !== undefined;
  if (flagged === true || (list === 'mislabeled' && (isEstimated || most < Infinity))) return;
  throw new UserError(
    'importance.which',
    list === 'mislabeled'
      ? l10n.t('The run has no estimate of how many labels are wrong.')
      : l10n.t('It is not said which samples to leave out.'),
    list === 'mislabeled'
      ? l10n.t('Say with --count how many to leave out, or flag samples and use --flagged.')
      : l10n.t('Add --flagged, or --list mislabeled for those whose labels look wrong.'),
  );
}

/** Copies the data without the samples of a list, and says what was written. */
async function clean(
  view: ImportanceView,
  query: SampleQuery,
  { cleaned, again, json }: ImportanceOptions,
  options: { readonly signal: AbortSignal | undefined; readonly most: number },
): Promise<void> {
  const { trainAgain, writeCleanedCopy } = await import('../methods/importance');
  const tell = (copy: CleanedCopy & Partial<NextSpec>) => {
    if (json) return void printJson(copy);
    const here = (file: string) => path.relative(process.cwd(), file) || '.';
    const facts = [`${copy.kept} training samples, without ${copy.leftOut}`, ...copy.notes];
    print(`${here(copy.file)}: ${facts.join('. ')}`);
    if (copy.spec !== undefined) print(`${here(copy.spec)} trains on it. Run it with "winnow run".`);
  };
  if (cleaned !== undefined) tell(await writeCleanedCopy(view, query, path.resolve(cleaned), options));
  if (again === undefined) return;
  const name = again === true ? undefined : path.resolve(again.replace(/(\.winnow)?\.json$/, ''));
  tell(await trainAgain(view, query, { ...options, ...(name !== undefined && { name }) }));
}

function whole(value: string): number {
  const parsed = Number(value);
  if (Number.isSafeInteger(parsed) && parsed >= 0) return parsed;
  throw new InvalidArgumentError('It must be a whole number, 0 or greater.');
}

/** @throws UserError `importance.no-class` */
function queryOf({ data, classes, passes }: ImportanceOverview, options: ImportanceOptions): SampleQuery {
  const { list, state, search, wrong, flagged, epoch = passes.at(-1)!.epoch } = options;
  const label = options.class === undefined ? undefined : classes.indexOf(options.class);
  if (label === -1)
    throw new UserError(
      'importance.no-class',
      l10n.t`The run has no class ${JSON.stringify(options.class)}.`,
      classes.length > 0
        ? l10n.t`Its classes: ${classes.join(', ')}.`
        : isLabeled(data)
          ? l10n.t('Its labels are numbers.')
          : l10n.t('Its samples are blocks of text without labels.'),
    );
  return { epoch, list, label, state, search, wrong, flagged };
}

/** The selections of the run and a list of samples, for a terminal. */
async function describe(
  run: string,
  view: ImportanceView,
  overview: ImportanceOverview,
  query: SampleQuery,
  count: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const page = await view.samples({ ...query, offset: 0, count: Math.min(count, MAX_TABLE) }, signal);
  const { variant, seed, samples, score } = overview;
  const { wrong } = overview.passes.find(({ epoch }) => epoch === query.epoch)!;
  const truth = await view.truth(query.epoch);
  const known = truth && truthSentence(truth);
  const shown = page.rows.length < page.total ? `, the first ${page.rows.length}` : '';
  return [
    color('bold', `${run}  ${variant}, seed ${seed}: ${samples} samples by ${score}`),
    passTable(overview.passes, query.epoch),
    ...(wrong ? [[wrongSentence(wrong), ...(known === undefined ? [] : [known])].join('\n')] : []),
    `${page.total} ${page.total === 1 ? 'sample' : 'samples'}${shown}`,
    ...(page.rows.length > 0 ? [sampleTable(overview, page)] : []),
    ...(page.note === undefined ? [] : [color('yellow', page.note)]),
  ].join('\n\n');
}

const passTable = (passes: readonly PassSummary[], chosen: number) =>
  table(
    [{ title: 'after epochs' }, { title: 'min score' }, { title: 'kept' }, { title: 'returned' }],
    passes.map(({ epoch, threshold, kept, returned }) => [
      `${epoch === chosen ? '> ' : ''}${number(epoch)}`,
      threshold === null ? 'drawn' : number(threshold, 3),
      String(kept),
      String(returned),
    ]),
  );

type Fact = readonly [title: string, cell: (row: SampleRow) => string];

const SAMPLE: Fact = ['sample', ({ index }) => String(index)];
const SCORE: Fact = ['score', ({ score }) => number(score, 3)];
const STATE: Fact = ['state', ({ state, flagged }) => `${state}${flagged ? ' *' : ''}`];
const FROM: Fact = ['from', ({ name = '' }) => name];

/** Columns for samples with labels. */
function labelFacts(classes: readonly string[]): Fact[] {
  const of = (title: string, cell: (opinion: Opinion) => string): Fact => [
    title,
    ({ opinion }) => (opinion ? cell(opinion) : ''),
  ];
  return [
    SAMPLE,
    of('label', ({ label }) => labelName(classes, label)),
    of('model', ({ label, predicted }) => (predicted === label ? '' : labelName(classes, predicted))),
    of('P(label)', ({ confidence }) => formatShare(confidence)),
    SCORE,
    of('suspicion', ({ suspicion }) => number(suspicion, 2)),
    STATE,
  ];
}

/** The text or name gets the rest of each line. */
function sampleTable({ classes, data }: ImportanceOverview, { rows }: SamplePage): string {
  // Samples without labels are identified by their origin.
  const facts = isLabeled(data) ? labelFacts(classes) : [SAMPLE, FROM, SCORE, STATE];
  const cells = rows.map((row) => facts.map(([, cell]) => cell(row)));
  const used = facts.map(([title], i) => widest([title, ...cells.map((row) => oneLine(row[i]!))]) + 2);
  const room = Math.max(20, columns() - used.reduce((sum, one) => sum + one, 0));
  return table(
    [...facts.map(([title]) => ({ title })), { title: 'content', align: 'left' }],
    rows.map(({ text, pair, name = '' }, i) => [
      ...cells[i]!,
      cut([text ?? name, ...(pair === undefined ? [] : [pair])].join(' / ').replaceAll(/\s+/g, ' '), room),
    ]),
  );
}
