import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import { openPromise } from 'yauzl';
import { UserError } from '../errors';
import { explainDiskError, makeFolder } from '../files';
import type { Wheel } from './catalog';

/**
 * Unpacks the files of a wheel that are wanted. Headers keep their folders below `include/`, since they name each other by them.
 * @throws UserError `runtime.wheel` if one of the patterns matches nothing, `disk.*`
 */
export async function unpack(file: string, { take }: Wheel, folder: string, signal?: AbortSignal): Promise<void> {
  const zip = await openPromise(file);
  try {
    const found = new Set<RegExp>();
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      const wanted = take.find(({ files }) => files.test(entry.fileName));
      if (!wanted) continue;
      found.add(wanted.files);
      const [, header] = /^.*?\/(include\/.*)$/.exec(entry.fileName) ?? [];
      const target = path.join(folder, wanted.into, header ?? path.posix.basename(entry.fileName));
      await makeFolder(path.dirname(target));
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(target, { mode: 0o755 }), {
        ...(signal && { signal }),
      }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw explainDiskError(error, target);
      });
    }
    const missing = take.find(({ files }) => !found.has(files));
    if (missing)
      throw new UserError(
        'runtime.wheel',
        l10n.t`${path.basename(file)} contains no file that matches ${missing.files.source}.`,
      );
  } finally {
    zip.close();
  }
}
