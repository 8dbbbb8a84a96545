import * as vscode from 'vscode';
import { isActive, isUnderway, type RunRow } from '../core/protocol/runs';
import { commandId } from './registry';
import type { Runs } from './runs';
import { describeProgress, describeWait, summarizeProgress } from './views/describe';

function summarize(row: RunRow): string {
  const what = isActive(row.state) ? summarizeProgress(row) : vscode.l10n.t('{0} is waiting', row.name);
  return row.heard === null ? what : vscode.l10n.t('{0} on {1}', what, row.target);
}

function describe(row: RunRow): string {
  if (!isActive(row.state)) return describeWait(row);
  return row.state === 'stopping' ? vscode.l10n.t('stopping') : describeProgress(row);
}

/** A run, the machine that it is on if that is not this one, and what it computes on. */
const where = ({ name, target, heard, device }: RunRow) => {
  const run = heard === null ? name : vscode.l10n.t('{0} on {1}', name, target);
  return device === '' ? run : `${run} (${device})`;
};

/** Shows running and waiting runs in the status bar; hidden if there are none. */
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
    const active = this.runs.rows().filter(({ state }) => isUnderway(state));
    const [only] = active;
    if (!only) {
      this.#item.hide();
      return;
    }
    const icon = active.some(({ state }) => isActive(state)) ? '$(sync~spin)' : '$(clock)';
    this.#item.text = `${icon} ${active.length === 1 ? summarize(only) : vscode.l10n.t('{0} runs', active.length)}`;
    const lines = active.map((row) => `${where(row)}: ${describe(row)}`);
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
