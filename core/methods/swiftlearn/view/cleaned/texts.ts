import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { sortedClasses } from '../../../../data/labeled/classes';
import type { LabeledTextConfig } from '../../../../data/labeled/config';
import { asJsonLines, hasRowsOfText, JSON_COLUMNS, withoutRows } from '../../../../data/labeled/copy-rows';
import { openLabeledTexts, type LabeledData } from '../../../../data/labeled/source';
import type { LabeledTexts } from '../../../../data/labeled/texts';
import { UserError } from '../../../../errors';
import { writeFileAtomic } from '../../../../files';
import { needsFolder, numbersOf, requireAllClasses, type CleanedData, type LeftOut } from './cleaned-data';

/** Places of rows, by file. */
type Rows = ReadonlyMap<string, ReadonlySet<number>>;

/** A file of the copy. */
interface Part {
  readonly name: string;
  bytes(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

const endingOf = (file: string) => path.extname(file).toLowerCase();

/**
 * The training texts of a run without some of them. Rows of CSV, TSV and JSON Lines files keep their bytes. All others
 * become JSON Lines: texts that come with Winnow, Parquet files (which Winnow reads but does not write), and texts whose
 * labels were changed for an experiment, which are written as the run had them.
 * @param data what the run was trained on
 * @throws UserError those of the tables
 */
export async function cleanedTexts(
  config: LabeledTextConfig,
  baseDir: string,
  data: LabeledData,
  leftOut: LeftOut,
): Promise<CleanedData> {
  const { train, heldOut, mismatched, task, kind, classes } = data;
  const isSplitHere = config.heldOut === undefined;
  const sets = [train, ...(isSplitHere ? [heldOut, ...(mismatched ? [mismatched] : [])] : [])];
  const rows = await rowsOf(sets, leftOut);

  // Files that name their classes also order them, which JSON Lines cannot.
  const isNamed = task !== undefined || classes.join('\n') === sortedClasses(classes).join('\n');
  const labelOf = (label: number) => (isNamed ? (classes[label] ?? label) : label);
  const asLines = (set: LabeledTexts, dropped?: LeftOut): Part['bytes'] => {
    return (signal) => asJsonLines(set, numbersOf(set.size, dropped), labelOf, signal);
  };

  const parts: Part[] = rows
    ? rows.flatMap((files, i) => rowParts(PARTS[i]!, files))
    : [
        { name: `${PARTS[0]}.jsonl`, bytes: asLines(train, leftOut) },
        { name: `${PARTS[1]}.jsonl`, bytes: asLines(heldOut) },
        ...(mismatched ? [{ name: `${PARTS[2]}.jsonl`, bytes: asLines(mismatched) }] : []),
      ];
  const columns = {
    textColumn: JSON_COLUMNS.text,
    pairColumn: train.hasPairs ? JSON_COLUMNS.pair : undefined,
    labelColumn: JSON_COLUMNS.label,
    heldOut: undefined,
  };
  const settings = {
    // What was recognized by the name of the source, and what the labels that are left out may have decided.
    ...(task === undefined ? { kind } : { task }),
    ...(rows ? {} : columns),
    labelNoise: undefined,
  };

  return {
    key: 'texts.data',
    notes: rows
      ? []
      : [whyLines(train), ...(isNamed ? [] : [l10n.t`Labels are numbers, in this order: ${classes.join(', ')}.`])],
    settings,
    async writeFolder(folder, signal) {
      requireAllClasses(train, leftOut);
      for (const { name, bytes } of parts) await writeFileAtomic(path.join(folder, name), bytes(signal));
    },
    async check(folder, signal) {
      const written = await openLabeledTexts({ ...config, ...settings, source: folder } as LabeledTextConfig, baseDir, {
        log: () => undefined,
        signal,
      });
      const same = rows ? (label: number) => classes[label] ?? label : labelOf;
      requireSame(written.train, train, numbersOf(train.size, leftOut), same);
      requireSame(written.heldOut, heldOut, numbersOf(heldOut.size), same);
    },
    file(ending, signal) {
      const [file, ...more] = rows?.[0]?.keys() ?? [];
      if (rows && file !== undefined && endingOf(file) === ending) {
        if (more.length > 0) throw needsFolder();
        const dropped = new Set([...leftOut].map((sample) => train.origin!(sample)!.place));
        // Evaluation samples and rows that hold no sample stay.
        return withoutRows(file, (place) => !dropped.has(place), signal);
      }
      if (ending !== '.jsonl')
        throw new UserError(
          'importance.other-format',
          l10n.t`These samples cannot be written as ${ending}.`,
          file === undefined
            ? l10n.t('Name a .jsonl file, or a folder.')
            : l10n.t`Name a ${endingOf(file)} or .jsonl file, or a folder.`,
        );
      return joined([asLines(train, leftOut), ...(isSplitHere ? [asLines(heldOut)] : [])], signal);
    },
  };
}

/** Why the copy is JSON Lines. */
const whyLines = ({ noise }: LabeledTexts) =>
  noise
    ? l10n.t('The copy has texts and labels as JSON Lines: labels that were made wrong for the experiment stay so.')
    : l10n.t('The copy has texts and labels as JSON Lines: the data of the run cannot be copied row by row.');

/** Names by which the reader recognizes the parts of a source, in the order of `sets`. */
const PARTS = ['train', 'validation', 'validation-mismatched'] as const;

/**
 * The rows of each set, those of the first without some samples. Undefined if a sample is not a row of a file that can be
 * copied row by row.
 */
async function rowsOf(sets: readonly LabeledTexts[], leftOut: LeftOut): Promise<Rows[] | undefined> {
  const all: Map<string, Set<number>>[] = [];
  for (const [i, set] of sets.entries()) {
    const rows = new Map<string, Set<number>>();
    for (const sample of numbersOf(set.size)) {
      const origin = set.origin?.(sample);
      if (!origin) return undefined;
      const known = rows.get(origin.file) ?? new Set();
      rows.set(origin.file, known);
      if (i > 0 || !leftOut.has(sample)) known.add(origin.place);
    }
    all.push(rows);
  }
  for (const file of new Set(all.flatMap((rows) => [...rows.keys()])))
    if (!(await hasRowsOfText(file))) return undefined;
  return all;
}

/** The files of a part: `train.csv`, or `train-01.csv` and so on. */
function rowParts(part: string, rows: Rows): Part[] {
  const number = (i: number) => (rows.size === 1 ? '' : `-${String(i + 1).padStart(String(rows.size).length, '0')}`);
  return [...rows]
    .map(([file, places], i) => ({
      name: `${part}${number(i)}${endingOf(file)}`,
      isEmpty: places.size === 0,
      bytes: (signal?: AbortSignal) => withoutRows(file, (place) => places.has(place), signal),
    }))
    .filter(({ isEmpty }) => !isEmpty);
}

async function* joined(parts: readonly Part['bytes'][], signal: AbortSignal | undefined) {
  for (const bytes of parts) yield* bytes(signal);
}

/** @param samples of `from`, in the order of `written` @param labelOf what was written for a label of `from` */
function requireSame(
  written: LabeledTexts,
  from: LabeledTexts,
  samples: Iterable<number>,
  labelOf: (label: number) => string | number,
): void {
  let at = 0;
  for (const sample of samples) {
    const isSame =
      at < written.size &&
      written.text(at) === from.text(sample) &&
      (written.pair(at) ?? '') === (from.pair(sample) ?? '') &&
      String(written.classes[written.label(at)] ?? written.label(at)) === String(labelOf(from.label(sample)));
    if (!isSame) throw new Error(`sample ${at} of the copy is not ${from.name(sample)}`);
    at++;
  }
  if (at !== written.size) throw new Error(`the copy has ${written.size} samples instead of ${at}`);
}
