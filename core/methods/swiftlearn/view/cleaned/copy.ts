import { existsSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../../../errors';
import { readRecord, runPaths, type RunRecord } from '../../../../experiments/run/directory';
import { makeFolder, writeFileAtomic, writeFolderAtomic } from '../../../../files';
import type { CleanedCopy, SampleQuery } from '../../../../protocol/importance';
import { parseTrainedOn } from '../source';
import type { ImportanceView } from '../view';
import type { CleanedData, LeftOut } from './cleaned-data';

/** What the copy needs to know of a run's samples. */
export type Chooses = Pick<ImportanceView, 'runDir' | 'size' | 'chosen' | 'note'>;

/**
 * Writes the data of a run without some training samples. A target with an ending such as `.csv` becomes one file: the
 * file that the samples are from, without their rows. Any other becomes a folder with the training and the evaluation
 * samples of the run in separate parts. Data that is there is never overwritten.
 * @param query the samples to leave out
 * @param most leaves out only this many, the first of the list
 * @throws UserError `importance.none-chosen`, `importance.exists`, `importance.changed`, `importance.no-copy`,
 *   `importance.class-gone`, `importance.needs-folder`, `importance.other-format`, `disk.*`
 */
export async function writeCleanedCopy(
  view: Chooses,
  query: SampleQuery,
  target: string,
  { signal, most = Infinity }: { readonly signal?: AbortSignal | undefined; readonly most?: number } = {},
): Promise<CleanedCopy> {
  requireFree(target);
  const record = await readRecord(view.runDir);
  const leftOut = await chosenBy(view, query, most, signal);
  const data = await openCleaned(view, record, leftOut, signal);
  const ending = path.extname(target).toLowerCase();
  await makeFolder(path.dirname(path.resolve(target)));
  if (DATA_ENDINGS.includes(ending)) await writeFileAtomic(target, data.file(ending, signal));
  else await writeFolder(data, target, signal);
  return { file: target, leftOut: leftOut.size, kept: view.size - leftOut.size, notes: data.notes };
}

/** Endings of data; a target with any other is a folder. */
const DATA_ENDINGS = ['.csv', '.tsv', '.jsonl', '.json', '.txt', '.parquet'];

/** @throws UserError as `writeCleanedCopy` */
export async function writeFolder(data: CleanedData, folder: string, signal?: AbortSignal): Promise<void> {
  await writeFolderAtomic(
    folder,
    async (unfinished) => {
      await data.writeFolder(unfinished, signal);
      // A copy that lacks a row, or has one too many, would change results without a sign.
      await data.check(unfinished, signal);
    },
    { sync: data.key === 'texts.data' },
  );
}

/** @throws UserError `importance.exists` */
export function requireFree(target: string): void {
  if (!existsSync(target)) return;
  throw new UserError(
    'importance.exists',
    l10n.t`${target} already exists.`,
    l10n.t('Choose another name; nothing was written.'),
  );
}

/** @throws UserError `importance.none-chosen` */
export async function chosenBy(
  view: Chooses,
  query: SampleQuery,
  most: number,
  signal?: AbortSignal,
): Promise<LeftOut> {
  const chosen = await view.chosen(query, signal);
  if (chosen.length > 0) return new Set(chosen.subarray(0, Math.min(most, chosen.length)));
  throw new UserError(
    'importance.none-chosen',
    l10n.t('There are no samples to leave out.'),
    query.flagged === true ? l10n.t('Flag some first.') : l10n.t('Choose another list, or other filters.'),
  );
}

/**
 * Opens the data of a run and checks that it is what the run was trained on.
 * @throws UserError `importance.no-copy`, `importance.changed` and those of the data
 */
export async function openCleaned(
  view: Chooses,
  record: RunRecord,
  leftOut: LeftOut,
  signal?: AbortSignal,
): Promise<CleanedData> {
  const { texts, images, language } = parseTrainedOn(record) ?? {};
  if (language)
    throw new UserError(
      'importance.no-copy',
      l10n.t(
        'The samples of this run are blocks that span documents, so its text cannot be copied without some of them.',
      ),
      l10n.t('Export the list, and edit the documents.'),
    );
  const note = await view.note();
  if (note !== undefined) throw new UserError('importance.changed', cannotCopy(), note);
  await setImmediate();
  signal?.throwIfAborted();
  const { baseDir } = record;
  const options = { log: () => undefined, ...(signal && { signal }) };
  if (texts) {
    const { openLabeledTexts } = await import('../../../../data/labeled/source');
    const { cleanedTexts } = await import('./texts');
    const data = await openLabeledTexts(texts.data, baseDir, options);
    requireSame(record, data.fingerprint());
    return cleanedTexts(texts.data, baseDir, data, leftOut);
  }
  const { openImages } = await import('../../../../data/images/source');
  const { cleanedImages } = await import('./images');
  const opened = await openImages(images!.data, baseDir);
  requireSame(record, await opened.fingerprint());
  const side = images!.model.image_size ?? DEFAULT_SIDE;
  const data = await opened.prepare({ ...options, cacheDir: runPaths(view.runDir).cache, side });
  return cleanedImages(images!.data, baseDir, data, leftOut);
}

/** Only to find images that cannot be decoded: images are copied as they are. */
const DEFAULT_SIDE = 96;

/** Samples are known by their numbers: with other data, these would be other samples. */
function requireSame({ fingerprints: { data } }: RunRecord, now: string): void {
  if (data === undefined || data === now) return;
  throw new UserError(
    'importance.changed',
    cannotCopy(),
    l10n.t('The data has changed since the run. Restore the data, or repeat the run.'),
  );
}

const cannotCopy = () => l10n.t('The data of the run cannot be copied.');
