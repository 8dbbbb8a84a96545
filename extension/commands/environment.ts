import * as vscode from 'vscode';
import type { Handlers, Services } from '../services';

/** What helps to begin. */
export function environmentCommands({ context, cli, reporter }: Services): Handlers {
  return {
    async checkEnvironment() {
      const devices = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Checking the environment') },
        () => cli.text(['devices']),
      );
      reporter.output.info(devices);
      const content = [
        '# Winnow: environment',
        '',
        `- Winnow ${String((context.extension.packageJSON as { version: unknown }).version)}`,
        `- ${vscode.workspace.isTrusted ? '✓' : '✗'} ${vscode.l10n.t('workspace trusted (needed to start runs)')}`,
        `- ${vscode.workspace.workspaceFolders ? '✓' : '✗'} ${vscode.l10n.t('folder open (runs are kept in one)')}`,
        '',
        `## ${vscode.l10n.t('What this machine can compute on')}`,
        '',
        '```',
        devices.trim(),
        '```',
        '',
      ].join('\n');
      const document = await vscode.workspace.openTextDocument({ language: 'markdown', content });
      await vscode.window.showTextDocument(document, { preview: true });
    },

    async openWalkthrough() {
      await vscode.commands.executeCommand('workbench.action.openWalkthrough', `${context.extension.id}#start`, false);
    },
  };
}
