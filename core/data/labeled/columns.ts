import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { LabeledTextConfig } from './config';
import { columnsOf, GLUE_LAYOUTS, type GlueTask, type SampleColumns } from './glue';
import type { Table } from './table';

/** Usual names of the first text, each with that of the second. */
const TEXTS: readonly (readonly [string, string | undefined])[] = [
  ['sentence1', 'sentence2'],
  ['question1', 'question2'],
  ['premise', 'hypothesis'],
  ['text1', 'text2'],
  ['text_a', 'text_b'],
  ['question', 'sentence'],
  ['text', undefined],
  ['sentence', undefined],
  ['content', undefined],
  ['review', undefined],
  ['message', undefined],
  ['body', undefined],
  ['comment', undefined],
  ['document', undefined],
  ['question', undefined],
];
const LABELS = [
  'label',
  'labels',
  'class',
  'category',
  'target',
  'sentiment',
  'gold_label',
  'score',
  'rating',
  'topic',
];

type Wanted = Pick<LabeledTextConfig, 'textColumn' | 'pairColumn' | 'labelColumn'>;

/**
 * The columns of a sample: those of the spec, those of the task, or those with usual names.
 * @throws UserError `data.no-column` with the columns that there are
 */
export function chooseColumns(table: Table, wanted: Wanted, task: GlueTask | undefined): SampleColumns {
  for (const key of ['textColumn', 'pairColumn', 'labelColumn'] as const) {
    const name = wanted[key];
    if (name !== undefined && !table.columns.includes(name))
      throw noColumn(table, l10n.t`has no column ${JSON.stringify(name)}`, key);
  }
  const ofTask = task && columnsOf(task, table.columns);
  if (task && !ofTask && (wanted.textColumn === undefined || wanted.labelColumn === undefined))
    throw noColumn(table, l10n.t`does not have the columns of ${task}, ${listed(task)}`, 'textColumn');
  const text = wanted.textColumn ?? ofTask?.text ?? usualText(table.columns);
  const label = wanted.labelColumn ?? ofTask?.label ?? usualLabel(table.columns);
  if (text === undefined) throw noColumn(table, l10n.t('has no text column with a common name'), 'textColumn');
  if (label === undefined) throw noColumn(table, l10n.t('has no label column with a common name'), 'labelColumn');
  return { text, label, pair: wanted.pairColumn ?? (ofTask ? ofTask.pair : usualPair(text, table.columns)) };
}

const usualText = (columns: readonly string[]) =>
  TEXTS.find(([text, pair]) => columns.includes(text) && (pair === undefined || columns.includes(pair)))?.[0];

const usualLabel = (columns: readonly string[]) => LABELS.find((name) => columns.includes(name));

const usualPair = (text: string, columns: readonly string[]) =>
  TEXTS.find(([first, pair]) => first === text && pair !== undefined && columns.includes(pair))?.[1];

const listed = (task: GlueTask) =>
  GLUE_LAYOUTS[task].columns
    .map(({ text, pair, label }) => [text, pair, label].filter((name) => name !== undefined).join(` ${l10n.t('and')} `))
    .join(`, ${l10n.t('or')} `);

/** An error names this many columns as fixes; its hint has them all. */
const OFFERED = 5;

function noColumn(table: Table, what: string, key: keyof Wanted): UserError {
  return new UserError(
    'data.no-column',
    `${table.file} ${what}.`,
    l10n.t`Set data.${key} to one of its columns: ${table.columns.join(', ')}.`,
    {
      fixes: table.columns.slice(0, OFFERED).map((value) => ({
        title: l10n.t`Set data.${key} to ${JSON.stringify(value)}`,
        key: `data.${key}`,
        value,
      })),
    },
  );
}
