import { createHash } from 'node:crypto';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { splitIndicesByClass } from '../split-by-class';
import { labeled, labelingOf } from './classes';
import type { LabeledTextConfig } from './config';
import { findConflicts, withoutDuplicates, type Repeated } from './duplicates';
import { findParts, type PartFiles } from './files';
import { columnsOf, taskByColumns, taskByName, type GlueTask } from './glue';
import type { RawTexts } from './raw-texts';
import { classNamesOf, isLabeled, readPart, type ReadOptions } from './read-part';
import { isSotuSource, readPassages } from './sotu-passages';
import { readSpam } from './spam';
import { openTable } from './open-table';
import { subset, withNoise, type LabelKind, type LabeledTexts } from './texts';

/** Texts for training and evaluation. */
export interface LabeledData {
  /** The GLUE task, which decides how models are evaluated. */
  readonly task: GlueTask | undefined;
  readonly kind: LabelKind;
  /** Empty for numbers. */
  readonly classes: readonly string[];
  readonly train: LabeledTexts;
  readonly heldOut: LabeledTexts;
  /** MNLI's second evaluation set: genres that are not in the training set. */
  readonly mismatched: LabeledTexts | undefined;
  /** Training samples that were removed because they are also in an evaluation set. */
  readonly removedDuplicates: Repeated;
  /** Training texts with more than one label; they are kept. */
  readonly conflicts: Repeated;
  /** SHA-256 of all samples and their split, wherever they are stored. */
  fingerprint(): string;
}

const EMBEDDED = 'embedded:';

/** The split does not depend on the seed of a run: runs with different seeds are evaluated on the same texts. */
const SPLIT_SEED = 0;

/**
 * Reads labeled texts, splits them if they are not split yet, and removes training samples that are also in an
 * evaluation set.
 * @param baseDir the folder that a relative source is relative to
 * @param options `log` gets what was guessed, skipped or removed
 * @throws UserError `data.unknown-source`, `data.not-found`, `data.unreadable`, `data.no-texts`,
 *   `data.several-sources`, `data.no-column`, `data.no-label`, `data.unknown-label`, `data.no-number`,
 *   `data.one-class`, `data.too-many-classes`, `data.bad-row`, `data.too-small`, `data.label-noise` and those of the tables
 */
export async function openLabeledTexts(
  config: LabeledTextConfig,
  baseDir: string,
  options: ReadOptions,
): Promise<LabeledData> {
  const source = await readSource(config.source, config, baseDir, options);
  const { task } = source;
  const heldOut =
    config.heldOut === undefined
      ? source.heldOut
      : (await readSource(config.heldOut, { ...config, task }, baseDir, options)).all;
  const mismatched = config.heldOut === undefined ? source.mismatched : undefined;
  const labeling = labelingOf(source.train, config, task, source.classNames);
  const label = (raw: RawTexts | undefined) => raw && labeled(raw, labeling);
  const whole = labeled(source.train, labeling);
  const evalSet = label(heldOut);
  const split = evalSet ? { train: whole, heldOut: evalSet } : splitTexts(whole, config.heldOutShare);
  const parts = { ...split, mismatched: label(mismatched) };
  const evalSets = [parts.heldOut, ...(parts.mismatched ? [parts.mismatched] : [])];
  const { train: clean, removed } = withoutDuplicates(parts.train, evalSets);
  const right = sample(clean, config.maxSamples);
  if (right.size === 0)
    throw new UserError(
      'data.too-small',
      l10n.t('Every training text is also in the evaluation set.'),
      l10n.t('Use other texts in data.heldOut, or remove it to hold out a share of the source.'),
    );
  const conflicts = findConflicts(right);
  tell(removed, 'training texts are also in the evaluation set and are removed', options);
  tell(conflicts, 'training texts have more than one label and are kept', options);
  const train = config.labelNoise ? withNoise(right, config.labelNoise) : right;
  return {
    task,
    kind: labeling.kind,
    classes: labeling.classes,
    train,
    heldOut: parts.heldOut,
    mismatched: parts.mismatched,
    removedDuplicates: removed,
    conflicts,
    fingerprint: () => fingerprintOf([train, ...evalSets], task),
  };
}

interface Source {
  readonly task: GlueTask | undefined;
  readonly classNames?: readonly string[] | undefined;
  readonly train: RawTexts;
  readonly heldOut?: RawTexts | undefined;
  readonly mismatched?: RawTexts | undefined;
  /** What this source contributes as `data.heldOut`. */
  readonly all: RawTexts;
}

async function readSource(
  source: string,
  config: LabeledTextConfig,
  baseDir: string,
  options: ReadOptions,
): Promise<Source> {
  if (!source.startsWith(EMBEDDED)) return readFiles(path.resolve(baseDir, source), config, options);
  if (source === 'embedded:spam') {
    const train = await readSpam();
    return { task: undefined, train, all: train };
  }
  if (isSotuSource(source)) {
    const { train, heldOut } = readPassages(source, config.heldOutShare, SPLIT_SEED);
    return { task: undefined, train, heldOut, all: heldOut };
  }
  throw new UserError(
    'data.unknown-source',
    l10n.t`There are no embedded labeled texts ${JSON.stringify(source)}.`,
    l10n.t(
      "The embedded ones are 'embedded:spam', 'embedded:sotu-eras' and 'embedded:sotu-party'; anything else is a path.",
    ),
  );
}

async function readFiles(place: string, config: LabeledTextConfig, options: ReadOptions): Promise<Source> {
  const parts = await findParts(place);
  const { columns } = await openTable(parts.train[0]!);
  const task = config.task ?? guessTask(place, columns, config);
  if (config.task === undefined && task !== undefined)
    options.log(`${place} is read as the GLUE task ${task}; if it is not, set data.task.`);
  if (parts.others.length > 0)
    options.log(
      `Not read, because they are neither training nor evaluation files: ${parts.others.map((file) => path.basename(file)).join(', ')}.`,
    );
  const parting = columns.find((name) => /^(split|subset|partition|fold|set)$/i.test(name.trim()));
  if (parting !== undefined && parts.validation.length === 0 && config.heldOut === undefined)
    options.log(
      `${place} has a column "${parting}", which is ignored: it does not split the data. To use it, save each split as a file of its own (train.csv, validation.csv), or name the evaluation file in data.heldOut.`,
    );
  const read = (files: readonly string[]) => readPart(files, config, task, options);
  const train = await read(parts.train);
  const files = await evalFiles(parts, config, task, train);
  const heldOut = files.length > 0 ? await read(files) : undefined;
  const mismatched = parts.mismatched.length > 0 && heldOut ? await read(parts.mismatched) : undefined;
  const classNames = await classNamesOf(parts.train[0]!, config, task);
  return { task, classNames, train, heldOut, mismatched, all: train };
}

/** The validation files; if there are none, the test files, provided that they have labels. */
async function evalFiles(
  parts: PartFiles,
  config: LabeledTextConfig,
  task: GlueTask | undefined,
  train: RawTexts,
): Promise<readonly string[]> {
  if (parts.validation.length > 0) return parts.validation;
  const [test] = parts.test;
  return test !== undefined && (await isLabeled(test, config, task, train.labels.names)) ? parts.test : [];
}

/** The task of a folder that is named after one and has its columns, or of columns that are unique to one. */
function guessTask(place: string, columns: readonly string[], config: LabeledTextConfig): GlueTask | undefined {
  if ([config.textColumn, config.pairColumn, config.labelColumn, config.kind].some((value) => value !== undefined))
    return undefined;
  const named = taskByName(place);
  return named !== undefined && columnsOf(named, columns) !== undefined ? named : taskByColumns(columns);
}

/** @throws UserError `data.too-small` */
function splitTexts(set: LabeledTexts, share: number): { train: LabeledTexts; heldOut: LabeledTexts } {
  const { train, heldOut, classes } = splitIndicesByClass(classed(set), share, SPLIT_SEED);
  if (train.length === 0 || heldOut.length === 0)
    throw new UserError(
      'data.too-small',
      l10n.t`${set.size} texts of ${classes} classes cannot be split into a training set and an evaluation set.`,
      l10n.t('Use more texts, or set data.heldOut to evaluation texts.'),
    );
  return { train: subset(set, train), heldOut: subset(set, heldOut) };
}

/**
 * Samples at most `most` texts, in proportion to the classes. The seed differs from the split's, so both are
 * independent.
 */
function sample(set: LabeledTexts, most: number | undefined): LabeledTexts {
  if (most === undefined || set.size <= most) return set;
  return subset(set, splitIndicesByClass(classed(set), most / set.size, SPLIT_SEED + 1).heldOut);
}

/** Numbers count as a single class: they are split without regard to their values. */
const classed = (set: LabeledTexts) => ({
  size: set.size,
  label: (index: number) => (set.kind === 'regression' ? 0 : set.label(index)),
});

function tell({ count, examples }: Repeated, what: string, { log }: ReadOptions): void {
  if (count > 0) log(`${count} ${what}, for example: ${examples.join('; ')}.`);
}

function fingerprintOf(parts: readonly LabeledTexts[], task: GlueTask | undefined): string {
  const hash = createHash('sha256').update(
    JSON.stringify(['winnow-labeled-1', task, parts[0]!.kind, parts[0]!.classes]),
  );
  for (const part of parts) {
    hash.update(`part ${part.size}`);
    for (let i = 0; i < part.size; i++) part.update(hash, i);
  }
  return hash.digest('hex');
}
