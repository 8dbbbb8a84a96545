import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { RunStore } from '../experiments/library/store';
import { deleteRun, emptyTrash, listTrash, requireDeletable, restoreRun, trashRun } from '../experiments/library/trash';
import type { AddCommand } from './context';
import { print, printJson } from './output';
import { withRuns, type RunsOption } from './run-options';

interface DeleteOptions extends RunsOption {
  readonly forcePermanent?: true;
  readonly emptyTrash?: true;
}

export const addDelete: AddCommand = (program) => {
  withRuns(program.command('delete [runs...]'))
    .description('move runs to the trash in their folder')
    .option('--force-permanent', 'delete them permanently instead')
    .option('--empty-trash', 'permanently delete everything in the trash')
    .action(async (references: string[], options: DeleteOptions) => {
      const { runsDir, forcePermanent = false } = options;
      if (references.length === 0 && !options.emptyTrash)
        throw new UserError(
          'run.not-found',
          l10n.t('No run to delete is given.'),
          l10n.t('Name one or more; "winnow list" shows all runs.'),
        );
      const store = new RunStore(runsDir);
      const dirs = [...new Set(await store.findAll(references))];
      // All or none: if one run cannot be deleted, none is.
      for (const dir of dirs) await requireDeletable(dir);
      const emptied = options.emptyTrash ? await listTrash(runsDir) : [];
      if (options.emptyTrash) await emptyTrash(runsDir);
      for (const dir of dirs) await (forcePermanent ? deleteRun(dir) : trashRun(dir));
      const ids = dirs.map((dir) => path.basename(dir));
      if (options.json) {
        printJson({ deleted: ids, permanent: forcePermanent, emptied });
        return;
      }
      if (options.emptyTrash) print(`The trash is empty (${emptied.length} runs deleted permanently).`);
      for (const id of ids)
        print(forcePermanent ? `${id} is deleted.` : `${id} is in the trash: winnow restore ${id} brings it back.`);
    });
};

export const addRestore: AddCommand = (program) => {
  withRuns(program.command('restore [run]'))
    .description('restore a run from the trash; without a run: list the trash')
    .action(async (reference: string | undefined, options: RunsOption) => {
      const { runsDir } = options;
      const trash = await listTrash(runsDir);
      if (reference === undefined) {
        if (options.json) printJson({ trash });
        else
          print(trash.length > 0 ? `In the trash:\n${trash.map((id) => `  ${id}`).join('\n')}` : 'The trash is empty.');
        return;
      }
      const matches = trash.filter((id) => id === reference || id.startsWith(reference) || id.endsWith(reference));
      if (matches.length > 1)
        throw new UserError(
          'run.ambiguous',
          l10n.t`"${reference}" could be ${matches.join(` ${l10n.t('or')} `)}.`,
          l10n.t('Give more of the id.'),
        );
      const dir = await restoreRun(runsDir, matches[0] ?? reference);
      if (options.json) printJson({ id: path.basename(dir), dir });
      else print(`${path.basename(dir)} is restored.`);
    });
};
