import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { COMMANDS } from './commands';

/** Runs Winnow's command line with the Node that VS Code brings, so that a native library cannot take the host with it. */
async function winnow(context: vscode.ExtensionContext, ...args: string[]): Promise<string> {
  const cli = path.join(context.extensionPath, 'dist', 'cli.js');
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], { env });
  return stdout;
}

export function activate(context: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel('Winnow');
  const checkEnvironment = async () => {
    output.clear();
    output.show(true);
    output.appendLine('What this machine can compute on:\n');
    try {
      output.append(await winnow(context, 'devices'));
    } catch (error) {
      output.appendLine(error instanceof Error ? error.message : String(error));
      void vscode.window.showErrorMessage(vscode.l10n.t('Winnow could not check the environment; see its output.'));
    }
  };
  context.subscriptions.push(output, vscode.commands.registerCommand(COMMANDS.checkEnvironment.id, checkEnvironment));
}
