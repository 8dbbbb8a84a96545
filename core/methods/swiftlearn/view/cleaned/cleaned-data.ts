import * as l10n from '@vscode/l10n';
import { UserError } from '../../../../errors';

/** The training data of a run without some of its samples, ready to be written. */
export interface CleanedData {
  /** The key of the spec that describes the data. */
  readonly key: 'texts.data' | 'images.data';
  /** What a person should know about the copy, in sentences. */
  readonly notes: readonly string[];
  /** Settings of the data, other than `source`, for a spec that trains on the folder; undefined removes one. */
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * Fills an empty folder with the training samples that are kept and with the evaluation samples, unless the spec names
   * those separately. The readers of data tell the parts by their names.
   * @throws UserError `importance.class-gone`
   */
  writeFolder(folder: string, signal?: AbortSignal): Promise<void>;
  /** Reads such a folder again. @throws Error if its samples are not those that were to be written */
  check(folder: string, signal?: AbortSignal): Promise<void>;
  /**
   * The same as one file: the rows that the samples were read from, or JSON Lines.
   * @param ending of the file's name
   * @throws UserError `importance.needs-folder`, `importance.other-format`
   */
  file(ending: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Samples that are left out, by their numbers in the training part. */
export type LeftOut = ReadonlySet<number>;

/** Samples by number, in order. */
export function* numbersOf(size: number, leftOut?: LeftOut): Generator<number> {
  for (let sample = 0; sample < size; sample++) if (!leftOut?.has(sample)) yield sample;
}

interface Labeled {
  readonly size: number;
  readonly classes: readonly string[];
  label(sample: number): number;
}

/**
 * Requires that every class keeps a training sample: the evaluation samples of a class without any could not be read.
 * @throws UserError `importance.class-gone`
 */
export function requireAllClasses({ size, classes, label }: Labeled, leftOut: LeftOut): void {
  const classOf = (sample: number) => (classes.length === 0 ? 0 : label(sample));
  const kept = new Set<number>();
  for (const sample of numbersOf(size, leftOut)) kept.add(classOf(sample));
  for (const sample of leftOut) {
    if (kept.has(classOf(sample))) continue;
    throw new UserError(
      'importance.class-gone',
      classes.length === 0
        ? l10n.t('Without these samples, nothing is left to train on.')
        : l10n.t`Without these samples, no training sample has the label ${JSON.stringify(classes[classOf(sample)])}.`,
      l10n.t('Leave out fewer.'),
    );
  }
}

export const needsFolder = () =>
  new UserError(
    'importance.needs-folder',
    l10n.t('The training samples of this run are in several files.'),
    l10n.t('Name a folder for the copy, without an ending such as .csv.'),
  );
