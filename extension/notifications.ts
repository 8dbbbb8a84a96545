import * as vscode from 'vscode';
import { formatDuration, formatNumber } from '../core/protocol/format';
import { headline, isActive, isResumable, shortMetric, type RunRow } from '../core/protocol/runs';
import { commandId, type CommandName } from './registry';
import { hasTradeoff, importanceWritten } from './panels/has-artifact';
import type { Runs, RunsChange } from './runs';
import { setting } from './settings';

interface Action {
  readonly title: string;
  readonly command: CommandName;
}

/** Tells once when a run that was seen at work has ended; never of anything before that. */
export class Notifications implements vscode.Disposable {
  readonly #subscription: vscode.Disposable;

  constructor(readonly runs: Runs) {
    this.#subscription = runs.onDidChange((change) => {
      for (const row of this.#ended(change)) void this.#tell(row);
    });
  }

  #ended({ changed, before }: RunsChange): RunRow[] {
    const rows = this.runs.rows();
    return changed.flatMap((id) => {
      const was = before.get(id);
      const now = rows.find((row) => row.id === id);
      return was && now && isActive(was.state) && !isActive(now.state) ? [now] : [];
    });
  }

  async #tell(row: RunRow): Promise<void> {
    const when = setting('notify');
    // Somebody who stopped a run knows that it stopped.
    if (when === 'never' || row.state === 'stopped' || (when === 'failure' && row.state === 'done')) return;
    const log: Action = { title: vscode.l10n.t('Show Log'), command: 'showLog' };
    const resume: Action = { title: vscode.l10n.t('Resume'), command: 'resumeRun' };
    if (row.state === 'done') {
      const open: Action = hasTradeoff(row.dir)
        ? { title: vscode.l10n.t('Open Trade-off'), command: 'openTradeoff' }
        : { title: vscode.l10n.t('Open Curves'), command: 'openCurves' };
      const samples: Action = { title: vscode.l10n.t('Open Data Importance'), command: 'openImportance' };
      const more = importanceWritten(row.dir) === undefined ? [] : [samples];
      await offer(vscode.window.showInformationMessage, describeEnd(row), [open, ...more, log], row);
    } else if (row.state === 'lost') {
      const text = vscode.l10n.t('{0} is lost: its process ended without a last word.', row.name);
      await offer(vscode.window.showWarningMessage, text, [resume, log], row);
    } else if (row.state === 'damaged' || row.state === 'unreadable') {
      await offer(vscode.window.showWarningMessage, row.reason, row.state === 'damaged' ? [resume, log] : [log], row);
    } else {
      const text = vscode.l10n.t('{0} failed. {1}', row.name, row.reason);
      await offer(vscode.window.showErrorMessage, text, isResumable(row.state) ? [log, resume] : [log], row);
    }
  }

  dispose(): void {
    this.#subscription.dispose();
  }
}

function describeEnd(row: RunRow): string {
  const best = row.metrics && headline(row.metrics.values);
  const time = row.started !== null && row.ended !== null ? formatDuration((row.ended - row.started) / 1000) : '';
  const result = best ? ` ${shortMetric(best.name)} ${formatNumber(best.value)}.` : '';
  return vscode.l10n.t('{0} is done after {1}.{2}', row.name, time, result);
}

type Show = (message: string, ...titles: string[]) => Thenable<string | undefined>;

async function offer(show: Show, text: string, actions: readonly Action[], row: RunRow): Promise<void> {
  const chosen = await show(text, ...actions.map(({ title }) => title));
  const action = actions.find(({ title }) => title === chosen);
  if (action) await vscode.commands.executeCommand(commandId(action.command), { kind: 'run', runDir: row.dir });
}
