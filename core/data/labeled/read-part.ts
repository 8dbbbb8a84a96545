import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { chooseColumns } from './columns';
import type { LabeledTextConfig } from './config';
import type { GlueTask, SampleColumns } from './glue';
import { RawTexts } from './raw-texts';
import { openTable } from './open-table';
import type { Cell, Table } from './table';

/** Options of reading texts. */
export interface ReadOptions {
  readonly log: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** In GLUE's files, up to this share of the lines may lack cells and is skipped; a few lines do. */
const RAGGED_SHARE = 0.01;

/** Samples between two checks of the signal. */
const STRIDE = 4096;

/**
 * Reads the samples of several files, one after another. Blank texts are skipped and counted; so are samples that GLUE
 * marks as unlabeled.
 * @throws UserError `data.no-column`, `data.no-label`, `data.bad-row`, `data.no-texts` and those of the tables
 */
export async function readPart(
  files: readonly string[],
  config: LabeledTextConfig,
  task: GlueTask | undefined,
  options: ReadOptions,
): Promise<RawTexts> {
  const tables: Table[] = [];
  for (const file of files) tables.push(await openTable(file));
  const chosen = tables.map((table) => chooseColumns(table, config, task));
  const raw = new RawTexts(chosen[0]!.pair !== undefined);
  const counts = { blank: 0, unlabeled: 0 };
  for (const [i, table] of tables.entries()) await readTable(table, chosen[i]!, raw, { ...options, task, counts });
  const where = nameOf(files);
  if (counts.blank > 0) options.log(`${where}: ${counts.blank} samples without text are skipped.`);
  if (counts.unlabeled > 0) options.log(`${where}: ${counts.unlabeled} samples without a label are skipped.`);
  if (raw.size === 0)
    throw new UserError(
      'data.no-texts',
      l10n.t`${files.join(', ')} holds no labeled texts.`,
      l10n.t('Check that it is the right file.'),
    );
  return raw;
}

interface TableOptions extends ReadOptions {
  readonly task: GlueTask | undefined;
  readonly counts: { blank: number; unlabeled: number };
}

async function readTable(
  table: Table,
  { text, pair, label }: SampleColumns,
  raw: RawTexts,
  { task, counts, log, signal }: TableOptions,
): Promise<void> {
  const before = raw.size;
  const ragged: UserError[] = [];
  const onRagged = task === undefined ? undefined : (error: UserError) => ragged.push(error);
  const base = path.basename(table.file);
  raw.places.startFile((place) => `${base}:${place}`, table.file);
  let read = 0;
  for await (const { place, cells } of table.rows(pair === undefined ? [text, label] : [text, label, pair], onRagged)) {
    if (read++ % STRIDE === 0) signal?.throwIfAborted();
    const where = () =>
      table.unit === 'line' ? l10n.t`${table.file}, line ${place},` : l10n.t`${table.file}, row ${place},`;
    const [first, second] = [textOf(cells[0], text, where), pair === undefined ? '' : textOf(cells[2], pair, where)];
    const value = typeof cells[1] === 'string' ? cells[1].trim() : cells[1];
    if (task !== undefined && isUnlabeled(value)) counts.unlabeled += 1;
    else if (value === undefined || value === '')
      throw new UserError(
        'data.no-label',
        l10n.t`${where()} has no label in ${JSON.stringify(label)}.`,
        l10n.t('Add one, or remove the sample.'),
      );
    else if (first.trim() === '' && second.trim() === '') counts.blank += 1;
    else raw.add({ text: first, pair: second, label: value, place });
  }
  if (ragged.length === 0) return;
  if (ragged.length > Math.max(1, RAGGED_SHARE * (raw.size - before))) throw ragged[0]!;
  log(`${base}: ${ragged.length} lines do not match its columns and are skipped; the first: ${ragged[0]!.message}.`);
}

/** GLUE's marks for a label that is kept secret, and MNLI's for annotators who did not agree. */
const isUnlabeled = (label: Cell) => label === undefined || String(label) === '-1' || label === '-';

/**
 * Whether a part has labels to evaluate with: test sets often have none, or -1 instead.
 * @param known labels of the training set; if -1 is one of them, it is an ordinary label
 */
export async function isLabeled(
  file: string,
  config: LabeledTextConfig,
  task: GlueTask | undefined,
  known: readonly string[],
): Promise<boolean> {
  const table = await openTable(file);
  let column: string;
  try {
    column = chooseColumns(table, config, task).label;
  } catch (error) {
    if (error instanceof UserError && error.code === 'data.no-column') return false;
    throw error;
  }
  for await (const { cells } of table.rows([column], () => undefined)) {
    const label = String(cells[0] ?? '').trim();
    return label !== '' && (label !== '-1' || known.includes('-1'));
  }
  return false;
}

/** Names of the classes, if the file describes them. */
export async function classNamesOf(
  file: string,
  config: LabeledTextConfig,
  task: GlueTask | undefined,
): Promise<readonly string[] | undefined> {
  const table = await openTable(file);
  return table.classNames?.(chooseColumns(table, config, task).label);
}

const nameOf = (files: readonly string[]) => files.map((file) => path.basename(file)).join(', ');

/** @throws UserError `data.bad-row` */
function textOf(cell: Cell, column: string, where: () => string): string {
  if (typeof cell === 'string') return cell;
  if (cell === undefined) return '';
  throw new UserError(
    'data.bad-row',
    l10n.t`${where()} has no text in ${JSON.stringify(column)}, but ${JSON.stringify(cell)}.`,
    l10n.t('Set data.textColumn or data.pairColumn to a column of texts.'),
  );
}
