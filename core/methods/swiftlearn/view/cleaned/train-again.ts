import { existsSync } from 'node:fs';
import path from 'node:path';
import { changedSpecText } from '../../../../experiments/library/changed-spec';
import { readRecord } from '../../../../experiments/run/directory';
import { SPEC_ENDING } from '../../../../experiments/spec/ending';
import { specPath } from '../../../../experiments/spec/path';
import { writeFileAtomic } from '../../../../files';
import type { NextSpec, SampleQuery } from '../../../../protocol/importance';
import { swiftlearn } from '../..';
import { chosenBy, openCleaned, requireFree, writeFolder, type Chooses } from './copy';

/**
 * Writes a cleaned copy of the data of a run, and beside the spec of the run a spec that trains on it, with all other
 * settings as the run recorded them. The evaluation samples are the same.
 * @param query the samples to leave out
 * @param options `name`: the path of the spec without its ending; by default a free name beside the run's spec. `most`
 *   leaves out only this many, the first of the list.
 * @throws UserError as `writeCleanedCopy`
 */
export async function trainAgain(
  view: Chooses,
  query: SampleQuery,
  {
    signal,
    name,
    most = Infinity,
  }: { readonly signal?: AbortSignal | undefined; readonly name?: string; readonly most?: number } = {},
): Promise<NextSpec> {
  const record = await readRecord(view.runDir);
  const base = name ?? freeName(record.specFile, record.baseDir);
  const [spec, folder] = [`${base}${SPEC_ENDING}`, `${base}-data`];
  requireFree(spec);
  requireFree(folder);
  const leftOut = await chosenBy(view, query, most, signal);
  const data = await openCleaned(view, record, leftOut, signal);
  const settings = { ...data.settings, source: specPath(spec, folder) };
  const text = changedSpecText(record, swiftlearn, {
    file: spec,
    changes: Object.entries(settings).map(([key, value]) => [`${data.key}.${key}`, value]),
    comment: `Trains as the run ${record.id} (${record.spec.name}) did, but without ${leftOut.size} of its ${view.size} training samples.`,
  });
  await writeFolder(data, folder, signal);
  await writeFileAtomic(spec, text);
  const kept = view.size - leftOut.size;
  return { spec, file: folder, leftOut: leftOut.size, kept, notes: data.notes };
}

/** A path beside the run's spec, such as `mails-cleaned`, or `mails-cleaned-2` if that is taken. */
function freeName(specFile: string, baseDir: string): string {
  const own = path.basename(specFile).replace(/(\.winnow)?\.json$/, '');
  // Without this, the copies of copies would have longer and longer names.
  const base = path.join(baseDir, `${own.replace(/-cleaned(-\d+)?$/, '')}-cleaned`);
  for (let count = 1; ; count++) {
    const name = count === 1 ? base : `${base}-${count}`;
    if (!existsSync(`${name}${SPEC_ENDING}`) && !existsSync(`${name}-data`)) return name;
  }
}
