import * as vscode from 'vscode';
import { isActive } from '../core/protocol/runs';
import { commandId } from './registry';
import type { Runs } from './runs';
import { describeProgress, summarizeProgress } from './views/describe';

/** What is being worked on, in the status bar; hidden while nothing is. */
export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('winnow.status', vscode.StatusBarAlignment.Left, 10);
  readonly #subscription: vscode.Disposable;

  constructor(readonly runs: Runs) {
    this.#item.name = 'Winnow';
    this.#subscription = runs.onDidChange(() => {
      this.#update();
    });
  }

  #update(): void {
    const active = this.runs.rows().filter(({ state }) => isActive(state));
    const [only] = active;
    if (!only) {
      this.#item.hide();
      return;
    }
    this.#item.text = `$(sync~spin) ${active.length === 1 ? summarizeProgress(only) : vscode.l10n.t('{0} runs', active.length)}`;
    const lines = active.map((row) => `${row.name}: ${row.state === 'stopping' ? 'stopping' : describeProgress(row)}`);
    this.#item.tooltip = lines.join('\n');
    this.#item.command = {
      command: commandId(active.length === 1 ? 'openCurves' : 'showRun'),
      title: vscode.l10n.t('Open'),
      arguments: active.length === 1 ? [{ kind: 'run', runDir: only.dir }] : [],
    };
    this.#item.show();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }
}
