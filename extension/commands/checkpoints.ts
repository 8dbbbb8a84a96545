import path from 'node:path';
import { existsSync, statSync } from 'node:fs';
import * as vscode from 'vscode';
import { UserError } from '../../core/errors';
import type { ModelKind } from '../../core/models/kind';
import { pickCheckpoint } from '../pick';
import type { Handlers, Services } from '../services';
import { targetOf, targetsOf } from '../targets';

/** What is done to checkpoints: look into them, let them write. */
export function checkpointCommands({ runs, cli, panels, reports }: Services) {
  const chosen = async (target: unknown, title: string, takes?: readonly ModelKind[]): Promise<string | undefined> => {
    const found = targetOf(target);
    return found?.kind === 'checkpoint' ? found.path : pickCheckpoint(runs, { title, takes });
  };

  return {
    async inspectCheckpoint(target) {
      const checkpoint = await chosen(target, vscode.l10n.t('Inspect which checkpoint?'));
      if (checkpoint === undefined) return;
      const uri = /^[a-z][a-z0-9+.-]+:\//i.test(checkpoint)
        ? vscode.Uri.parse(checkpoint)
        : vscode.Uri.file(weightsOf(checkpoint));
      await vscode.commands.executeCommand('vscode.openWith', uri, 'winnow.checkpoint');
    },

    async compareCheckpoints(target, selection) {
      const several = targetsOf(target, selection).filter((one) => one.kind === 'checkpoint');
      const a = several[0]?.path ?? (await pickCheckpoint(runs, { title: vscode.l10n.t('Compare which checkpoint?') }));
      if (a === undefined) return;
      const b =
        several[1]?.path ??
        (await pickCheckpoint(runs, { title: vscode.l10n.t('Compare {0} with which?', path.basename(a)), besides: a }));
      if (b !== undefined) panels.diff.show({ a, b });
    },

    async exportCheckpoint(target) {
      const checkpoint = await chosen(target, vscode.l10n.t('Export which checkpoint?'));
      if (checkpoint === undefined) return;
      const dtypes = [
        { label: vscode.l10n.t('Unchanged'), value: 'keep' },
        { label: 'F32', value: 'F32' },
        { label: 'F16', value: 'F16' },
        { label: 'BF16', value: 'BF16' },
      ];
      const dtype = await vscode.window.showQuickPick(dtypes, { title: vscode.l10n.t('Number format') });
      if (!dtype) return;
      const forms = [
        {
          label: vscode.l10n.t('Keep factors'),
          detail: vscode.l10n.t('Small, but only Winnow can load it'),
          merge: false,
        },
        {
          label: vscode.l10n.t('Merge factors'),
          detail: vscode.l10n.t('As large as the original; transformers and other programs can load it'),
          merge: true,
        },
      ];
      const form = await vscode.window.showQuickPick(forms, { title: vscode.l10n.t('Factored layers') });
      if (!form) return;
      const folder = await vscode.window.showSaveDialog({
        title: vscode.l10n.t('New folder for the model'),
        ...(vscode.workspace.workspaceFolders?.[0] && {
          defaultUri: vscode.Uri.joinPath(vscode.workspace.workspaceFolders[0].uri, path.basename(checkpoint)),
        }),
      });
      if (!folder) return;
      const args = ['export', checkpoint, folder.fsPath, '--dtype', dtype.value, ...(form.merge ? ['--merge'] : [])];
      await cancellable(vscode.l10n.t('Exporting {0}', path.basename(checkpoint)), (signal) =>
        cli.text(args, { signal }),
      );
      const reveal = vscode.l10n.t('Reveal');
      const answer = await vscode.window.showInformationMessage(
        vscode.l10n.t('Exported to {0}.', folder.fsPath),
        reveal,
      );
      if (answer === reveal) await vscode.commands.executeCommand('revealInExplorer', folder);
    },

    async sampleCheckpoint(target) {
      const checkpoint = await chosen(target, vscode.l10n.t('Sample from which checkpoint?'), ['decoder']);
      if (checkpoint === undefined) return;
      const prompt = await vscode.window.showInputBox({
        title: vscode.l10n.t('Sample From {0}', path.basename(checkpoint)),
        prompt: vscode.l10n.t('The text to continue; leave it empty to start a new document'),
        value: 'The American people',
      });
      if (prompt === undefined) return;
      const text = await cancellable(vscode.l10n.t('{0} is writing', path.basename(checkpoint)), (signal) =>
        cli.text(['sample', checkpoint, '--prompt', prompt], { signal }),
      );
      // What a model writes is no Markdown.
      const content = `# ${path.basename(checkpoint)}\n\n~~~~text\n${text.trim()}\n~~~~\n`;
      await reports.show(
        vscode.l10n.t('Sample from {0}', path.basename(checkpoint)),
        content,
        vscode.ViewColumn.Beside,
      );
    },
  } satisfies Handlers;
}

/** Shows that something is under way, with a button that calls it off. */
function cancellable<Value>(title: string, work: (signal: AbortSignal) => Promise<Value>): Thenable<Value> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, (_progress, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => {
      controller.abort();
    });
    return work(controller.signal);
  });
}

/** The file of a model folder that the editor opens: its weights, or the index of its shards. @throws UserError `model.*` */
export function weightsOf(checkpoint: string): string {
  if (!existsSync(checkpoint))
    throw new UserError(
      'model.not-found',
      vscode.l10n.t('{0} does not exist anymore.', checkpoint),
      vscode.l10n.t('It was deleted or moved; refresh the list.'),
    );
  if (!statSync(checkpoint).isDirectory()) return checkpoint;
  const names = ['model.safetensors', 'model.safetensors.index.json'];
  const found = names.map((name) => path.join(checkpoint, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new UserError(
    'model.no-weights',
    vscode.l10n.t('{0} holds no model.safetensors.', checkpoint),
    vscode.l10n.t('Choose a model folder.'),
  );
}
