import * as vscode from 'vscode';
import { messageOf, UserError } from '../core/errors';
import { commandId } from './registry';

/** An action on a notification besides `Show Log`. */
export interface NotificationAction {
  readonly title: string;
  run(): unknown;
}

/** Errors of commands that have nothing to work on: nothing failed, and the log has no details. */
const NOTHING_TO_DO = new Set([
  ...['run.none', 'run.none-such', 'run.busy', 'run.finished', 'run.not-running'],
  ...['spec.none', 'trash.empty', 'remote.none'],
]);
/** Errors that creating an experiment would resolve. */
const NEEDS_EXPERIMENT = new Set(['run.none', 'spec.none']);

/** The only place that turns errors into notifications; unexpected errors go to Winnow's log with their stack. */
export class Reporter {
  readonly output = vscode.window.createOutputChannel('Winnow', { log: true });

  async error(error: unknown, ...actions: NotificationAction[]): Promise<void> {
    if (isCancellation(error)) return;
    if (error instanceof UserError && NOTHING_TO_DO.has(error.code)) {
      await this.#answer(error);
      return;
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.output.error(stack);
    const showLog = {
      title: vscode.l10n.t('Show Log'),
      run: () => {
        this.output.show(true);
      },
    };
    const signIn = {
      title: vscode.l10n.t('Sign In…'),
      run: () => vscode.commands.executeCommand(commandId('signInRemote')),
    };
    const denied = error instanceof UserError && error.code === 'target.denied';
    const offered = [...(denied ? [signIn] : []), ...actions, showLog];
    const text =
      error instanceof UserError
        ? [error.message, error.hint].filter(Boolean).join(' ')
        : vscode.l10n.t('Winnow failed: {0}', messageOf(error));
    const chosen = await vscode.window.showErrorMessage(text, ...offered.map(({ title }) => title));
    await offered.find(({ title }) => title === chosen)?.run();
  }

  /** VS Code truncates a message without a button to one line, so longer messages get a button. */
  async #answer({ code, message, hint }: UserError): Promise<void> {
    if (!NEEDS_EXPERIMENT.has(code)) {
      await vscode.window.showInformationMessage([message, hint].filter(Boolean).join(' '));
      return;
    }
    const make = vscode.l10n.t('New Experiment…');
    const chosen = await vscode.window.showInformationMessage(message, make);
    if (chosen === make) await vscode.commands.executeCommand(commandId('newExperiment'));
  }

  dispose(): void {
    this.output.dispose();
  }
}

/** Whether the user canceled, which is not an error. */
export const isCancellation = (error: unknown): boolean =>
  error instanceof vscode.CancellationError || (error instanceof Error && error.name === 'AbortError');
