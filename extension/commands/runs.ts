import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { annotate } from '../../core/experiments/library/annotations';
import { readRecord, runPaths } from '../../core/experiments/run/directory';
import {
  emptyTrash,
  listTrash,
  requireDeletable,
  restoreRun,
  trashOf,
  trashRun,
} from '../../core/experiments/library/trash';
import { isResumable, isUnderway, runStateName, type RunRow } from '../../core/protocol/runs';
import { diskFolders } from '../guard';
import { pickRun, pickRuns } from '../pick';
import type { Handlers, Services } from '../services';
import { runDirsOf, targetOf, targetsOf } from '../targets';

const started = z.object({ id: z.string(), dir: z.string() });

/** What is done to runs that are there: stop, resume, rerun, name, delete, look at. */
export function runCommands(services: Services) {
  const { runs, cli, experiments, reporter } = services;
  /** The run that was clicked or asked for. @throws UserError `run.not-found` for one that is gone, `run.none` */
  const one = async (target: unknown, title: string, can: (row: RunRow) => boolean, none: string) => {
    const [dir] = runDirsOf([targetOf(target)].filter((found) => found !== undefined));
    if (dir === undefined) return pickRun(runs, { title, can, none });
    await runs.refresh(dir);
    const row = runs.byDir(dir);
    if (row) return row;
    throw new UserError(
      'run.not-found',
      vscode.l10n.t('There is no run in {0} anymore.', dir),
      vscode.l10n.t('It was deleted or moved.'),
    );
  };

  const any = (target: unknown, title: string) => one(target, title, () => true, '');

  /** Goes on with a run in the background and shows it. */
  const launch = async (title: string, args: readonly string[]) => {
    const run = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () =>
      cli.json([...args, '--detach'], started),
    );
    await runs.refresh(run.dir);
    await experiments.reveal(run.dir);
  };

  /** The deleted runs of all folders, newest first. */
  const inTrash = async () => {
    const dirs = [...new Set(diskFolders().map((folder) => runs.runsDir(folder)))];
    const found = await Promise.all(
      dirs.map(async (runsDir) =>
        Promise.all(
          (await listTrash(runsDir)).map(async (id) => {
            const record = await readRecord(path.join(trashOf(runsDir), id)).catch(() => undefined);
            const label = record?.spec.name ?? id;
            return { runsDir, id, label, description: record ? `${record.spec.method} · ${id}` : '' };
          }),
        ),
      ),
    );
    return found.flat().sort((a, b) => (a.id < b.id ? 1 : -1));
  };

  const restore = async (trashed: readonly { readonly runsDir: string; readonly id: string }[]) => {
    try {
      for (const { runsDir, id } of trashed) {
        const dir = await restoreRun(runsDir, id);
        await runs.refresh(dir);
        await experiments.reveal(dir);
      }
    } catch (error) {
      await reporter.error(error);
    }
  };

  return {
    async stopRun(target) {
      const row = await one(
        target,
        vscode.l10n.t('Stop which run?'),
        ({ state }) => isUnderway(state),
        vscode.l10n.t('No run is in progress.'),
      );
      if (!row) return;
      if (!isUnderway(row.state)) throw notRunning(row);
      const stop = ['stop', row.dir, '--runs-dir', path.dirname(row.dir)];
      const force = async (question: string) => {
        const now = vscode.l10n.t('Stop Now');
        if ((await vscode.window.showWarningMessage(question, { modal: true }, now)) !== now) return;
        await cli.json([...stop, '--force'], z.unknown());
      };
      if (row.state === 'stopping')
        await force(
          vscode.l10n.t(
            '{0} is saving a checkpoint. Stop it at once? The work since its last checkpoint will be lost.',
            row.name,
          ),
        );
      else
        await cli.json(stop, z.unknown()).catch(async (error: unknown) => {
          if (!(error instanceof UserError) || error.code !== 'run.no-answer') throw error;
          await force(
            vscode.l10n.t(
              '{0} does not respond: it is frozen, or in the middle of a long computation and will stop after it. Stop it at once? The work since its last checkpoint will be lost.',
              row.name,
            ),
          );
        });
      await runs.refresh(row.dir);
    },

    async resumeRun(target) {
      const row = await one(
        target,
        vscode.l10n.t('Resume which run?'),
        ({ state }) => isResumable(state),
        vscode.l10n.t('No run can be resumed: all are done or in progress.'),
      );
      if (!row) return;
      if (isUnderway(row.state))
        throw new UserError(
          'run.busy',
          vscode.l10n.t('{0} is already {1}.', row.name, runStateName(row.state)),
          vscode.l10n.t('Stop it first, or wait for it.'),
        );
      if (row.state === 'unreadable') throw new UserError('run.unreadable', row.reason);
      if (!isResumable(row.state))
        throw new UserError(
          'run.finished',
          vscode.l10n.t('{0} is done; there is nothing to resume.', row.name),
          vscode.l10n.t('Use Rerun.'),
        );
      await launch(vscode.l10n.t('Resuming {0}', row.name), ['resume', row.dir, '--runs-dir', path.dirname(row.dir)]);
    },

    async rerun(target) {
      const row = await any(target, vscode.l10n.t('Rerun which run?'));
      if (row)
        await launch(vscode.l10n.t('Rerunning {0}', row.name), ['rerun', row.dir, '--runs-dir', path.dirname(row.dir)]);
    },

    async renameRun(target) {
      const row = await any(target, vscode.l10n.t('Rename which run?'));
      if (!row) return;
      const name = await vscode.window.showInputBox({
        title: vscode.l10n.t('Rename Run'),
        value: row.name,
        prompt: vscode.l10n.t('Leave empty for the name in the spec'),
      });
      if (name === undefined) return;
      await annotate(row.dir, { name: name.trim() === '' ? null : name });
      await runs.refresh(row.dir);
    },

    async noteRun(target) {
      const row = await any(target, vscode.l10n.t('Note on which run?'));
      if (!row) return;
      const notes = await vscode.window.showInputBox({
        title: vscode.l10n.t('Note on {0}', row.name),
        value: row.notes,
      });
      if (notes === undefined) return;
      await annotate(row.dir, { notes });
      await runs.refresh(row.dir);
    },

    async tagRun(target, selection) {
      const dirs = runDirsOf(targetsOf(target, selection));
      const rows =
        dirs.length > 0 ? dirs.map((dir) => runs.byDir(dir)) : [await any(target, vscode.l10n.t('Tag which run?'))];
      const tagged = rows.filter((row) => row !== undefined);
      const [first] = tagged;
      if (!first) return;
      const text = await vscode.window.showInputBox({
        title:
          tagged.length === 1
            ? vscode.l10n.t('Tags of {0}', first.name)
            : vscode.l10n.t('Tags of {0} runs', tagged.length),
        value: first.tags.join(', '),
        prompt: vscode.l10n.t('Separated by commas'),
      });
      if (text === undefined) return;
      const tags = text
        .split(',')
        .map((tag) => tag.trim())
        .filter(Boolean);
      for (const row of tagged) await annotate(row.dir, { tags });
      await runs.refresh(first.dir);
      for (const row of tagged) await runs.refresh(row.dir);
    },

    async starRun(target, selection) {
      const dirs = runDirsOf(targetsOf(target, selection));
      const rows =
        dirs.length > 0
          ? dirs.map((dir) => runs.byDir(dir))
          : [await any(target, vscode.l10n.t('Star or unstar which run?'))];
      const found = rows.filter((row) => row !== undefined);
      const starred = !found.every((row) => row.starred);
      for (const row of found) {
        await annotate(row.dir, { starred });
        await runs.refresh(row.dir);
      }
    },

    async deleteRun(target, selection) {
      const dirs = runDirsOf(targetsOf(target, selection));
      const rows =
        dirs.length > 0
          ? dirs.map((dir) => runs.byDir(dir)).filter((row) => row !== undefined)
          : await pickRuns(runs, {
              title: vscode.l10n.t('Delete which runs?'),
              can: ({ state }) => !isUnderway(state),
              none: vscode.l10n.t('All runs are in progress: stop one first.'),
            });
      if (!rows || rows.length === 0) return;
      for (const row of rows) await requireDeletable(row.dir);
      const [first] = rows;
      const what =
        rows.length === 1 && first
          ? vscode.l10n.t('the run “{0}”', first.name)
          : vscode.l10n.t('{0} runs', rows.length);
      const remove = vscode.l10n.t('Move to Trash');
      const answer = await vscode.window.showWarningMessage(
        vscode.l10n.t('Delete {0} and all its checkpoints?', what),
        {
          modal: true,
          detail: rows
            .map(({ id }) => id)
            .slice(0, 12)
            .join('\n'),
        },
        remove,
      );
      if (answer !== remove) return;
      for (const row of rows) {
        await trashRun(row.dir);
        await runs.refresh(row.dir);
      }
      const undo = vscode.l10n.t('Undo');
      const said = vscode.l10n.t('Moved {0} to the trash.', what);
      // Not awaited: the command is over, and may be undone as long as the message is there.
      void vscode.window
        .showInformationMessage(said, undo)
        .then((chosen) =>
          chosen === undo
            ? restore(rows.map(({ dir }) => ({ runsDir: path.dirname(dir), id: path.basename(dir) })))
            : undefined,
        );
    },

    async restoreRun() {
      const trashed = await inTrash();
      if (trashed.length === 0) throw new UserError('trash.empty', vscode.l10n.t('No deleted run can be restored.'));
      const chosen = await vscode.window.showQuickPick(trashed, {
        title: vscode.l10n.t('Restore which runs?'),
        canPickMany: true,
        matchOnDescription: true,
      });
      if (chosen && chosen.length > 0) await restore(chosen);
    },

    async emptyTrash() {
      const trashed = await inTrash();
      if (trashed.length === 0) throw new UserError('trash.empty', vscode.l10n.t('The trash is empty.'));
      const remove = vscode.l10n.t('Delete Permanently');
      const answer = await vscode.window.showWarningMessage(
        trashed.length === 1
          ? vscode.l10n.t('Permanently delete the run in the trash?')
          : vscode.l10n.t('Permanently delete the {0} runs in the trash?', trashed.length),
        {
          modal: true,
          detail: trashed
            .map(({ label }) => label)
            .slice(0, 12)
            .join('\n'),
        },
        remove,
      );
      if (answer !== remove) return;
      for (const runsDir of new Set(trashed.map((one) => one.runsDir))) await emptyTrash(runsDir);
    },

    async showLog(target) {
      const row = await any(target, vscode.l10n.t('Log of which run?'));
      if (!row) return;
      const document = await vscode.workspace.openTextDocument(vscode.Uri.file(runPaths(row.dir).log));
      const editor = await vscode.window.showTextDocument(document, { preview: true });
      const last = document.lineAt(document.lineCount - 1).range.end;
      editor.revealRange(new vscode.Range(last, last));
    },

    async showRun(target) {
      const row = await any(target, vscode.l10n.t('Show which run?'));
      if (!row) return;
      await vscode.commands.executeCommand('winnow.experiments.focus');
      await experiments.reveal(row.dir);
    },

    async revealRun(target) {
      const row = await any(target, vscode.l10n.t('Reveal which run?'));
      if (row) await vscode.commands.executeCommand('revealInExplorer', vscode.Uri.file(runPaths(row.dir).record));
    },
  } satisfies Handlers;
}

const notRunning = (row: RunRow) =>
  new UserError('run.not-running', vscode.l10n.t('{0} is not running: it is {1}.', row.name, runStateName(row.state)));
