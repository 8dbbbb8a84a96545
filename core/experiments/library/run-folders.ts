import { readdir } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../../errors';

/**
 * The names of the folders in a `runs/` folder, and of links, which may point to one. Names that begin with a dot are
 * skipped: they are caches, the trash, or runs being created. Empty if the folder does not exist.
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
