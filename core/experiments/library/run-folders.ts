import { readdir } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../../errors';

/**
 * Names of the folders in a `runs/` folder, and of links, which may lead to one. Names with a dot at the beginning are no
 * runs: caches, the trash, runs being made. A folder that does not exist has none.
 * @throws UserError `disk.unreadable`
 */
export async function runFolders(runsDir: string): Promise<string[]> {
  const entries = await readdir(runsDir, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw new UserError(
      'disk.unreadable',
      l10n.t`Cannot read the folder ${runsDir}.`,
      l10n.t('Check that it is a folder and that you may read it.'),
      {
        cause: error,
      },
    );
  });
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
    .map((entry) => entry.name);
}
