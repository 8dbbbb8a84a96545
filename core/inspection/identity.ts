import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { explainReadError } from '../file-errors';
import { checkpointKind } from '../checkpoint/open';

/**
 * Names the content of a checkpoint without reading it: path, size and times of each file of weights. A file that was
 * written to, replaced or restored since has another identity (the change time cannot be set back).
 *
 * @throws UserError `file.*`
 */
export async function identityOf(target: string): Promise<string> {
  const absolute = path.resolve(target);
  const kind = await checkpointKind(absolute);
  if (kind === 'file') return identify([absolute]);
  const folder = kind === 'folder' ? absolute : path.dirname(absolute);
  const names = await readdir(folder).catch((error: unknown) => {
    throw explainReadError(error, folder);
  });
  const weights = names.filter((name) => /\.safetensors(\.index\.json)?$/.test(name)).sort();
  return identify(weights.map((name) => path.join(folder, name)));
}

async function identify(files: readonly string[]): Promise<string> {
  const facts = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file, { bigint: true }).catch((error: unknown) => {
        throw explainReadError(error, file);
      });
      return [file, found.ino, found.size, found.mtimeNs, found.ctimeNs].map(String);
    }),
  );
  return JSON.stringify(facts);
}

/** @throws UserError `file.changed` where a checkpoint is not what it was before it was looked at */
export async function checkUnchanged(target: string, identity: string): Promise<void> {
  if ((await identityOf(target)) === identity) return;
  throw new UserError(
    'file.changed',
    l10n.t`${target} was changed while it was being read.`,
    l10n.t('Wait until nothing writes to it, then try again.'),
  );
}
