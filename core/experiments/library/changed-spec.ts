import path from 'node:path';
import type { Method } from '../method';
import type { RunRecord } from '../run/directory';
import { setSpecValue } from '../spec/edit';
import { SPEC_ENDING } from '../spec/ending';
import { withCurrentKeys } from '../spec/former-keys';
import { leaves, rebased, unlikeDefaults, withValue } from '../spec/kept-settings';
import { circumstances } from './circumstances';

/**
 * The text of a spec that repeats a run with some settings changed.
 * @param record of the run
 * @param options `file`: where the spec will be saved; paths in it are relative to its folder. `changes`: dotted keys with
 *   their values, paths relative to the spec; undefined is the default.
 * @returns JSON with a comment on top
 * @throws z.ZodError if the settings do not fit the method
 */
export function changedSpecText(
  { spec, baseDir }: Pick<RunRecord, 'spec' | 'baseDir'>,
  method: Method,
  {
    file,
    changes,
    comment,
  }: { readonly file: string; readonly changes: readonly (readonly [string, unknown])[]; readonly comment: string },
): string {
  const recorded = rebased(withCurrentKeys(spec.config, method.formerKeys).settings, method, baseDir, file);
  const changed = changes.reduce((all, [key, value]) => withValue(all, key, value), recorded);
  // Settings are JSON, in which a key without a value is none.
  const config = method.config.parse(JSON.parse(JSON.stringify(changed)));
  const values: [string, unknown][] = [
    ['name', path.basename(file).slice(0, -SPEC_ENDING.length)],
    ['method', method.name],
    ...(spec.notes === undefined ? [] : [['notes', spec.notes] as [string, unknown]]),
    ...(spec.tags === undefined ? [] : [['tags', spec.tags] as [string, unknown]]),
    ...leaves(unlikeDefaults(method, config, {})),
    ...circumstances(spec),
  ];
  const body = values.reduce((text, [key, value]) => setSpecValue(text, key, value), '{}').trimEnd();
  return `// ${comment.replaceAll(/[\r\n]+/g, ' ')}\n${body}\n`;
}
