import * as vscode from 'vscode';
import { UserError } from '../core/errors';
import { COMMANDS, type CommandName, type Need } from './registry';

/** What is missing for a command, or nothing. */
export function missing(name: CommandName): Need | undefined {
  return COMMANDS[name].needs.find((need) => !isMet(need));
}

function isMet(need: Need): boolean {
  const folders = vscode.workspace.workspaceFolders ?? [];
  switch (need) {
    case 'folder':
      return folders.length > 0;
    case 'disk':
      return folders.length === 0 || folders.some(({ uri }) => uri.scheme === 'file');
    case 'trust':
      return vscode.workspace.isTrusted;
  }
}

/** Says what is missing and offers the action that helps. Resolves when the message is gone. */
export async function explainMissing(need: Need): Promise<void> {
  const { message, action, command } = answers()[need];
  const chosen = await vscode.window.showWarningMessage(message, ...(action === undefined ? [] : [action]));
  if (chosen !== undefined && command !== undefined) await vscode.commands.executeCommand(command);
}

interface Answer {
  readonly message: string;
  readonly action?: string;
  readonly command?: string;
}

const answers = (): Record<Need, Answer> => ({
  folder: {
    message: vscode.l10n.t('Winnow keeps experiments in a folder, but no folder is open.'),
    action: vscode.l10n.t('Open Folder'),
    command: 'workbench.action.files.openFolder',
  },
  disk: {
    message: vscode.l10n.t(
      'This workspace is virtual, so programs cannot read its files. You can view checkpoints, but runs need a folder on a disk.',
    ),
    action: vscode.l10n.t('Open Folder'),
    command: 'workbench.action.files.openFolder',
  },
  trust: {
    message: vscode.l10n.t(
      'This workspace is not trusted, so Winnow starts no programs in it. You can still view runs and checkpoints.',
    ),
    action: vscode.l10n.t('Manage Workspace Trust'),
    command: 'workbench.trust.manage',
  },
});

/** The folders that may hold runs: those on a disk. @throws UserError `workspace.*` */
export function diskFolders(): vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
}

/** @throws UserError `workspace.no-folder` */
export function firstFolder(): vscode.WorkspaceFolder {
  const [folder] = diskFolders();
  if (folder) return folder;
  throw new UserError(
    'workspace.no-folder',
    vscode.l10n.t('No folder is open.'),
    vscode.l10n.t('Open the folder that holds your experiments.'),
  );
}
