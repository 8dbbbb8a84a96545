import * as vscode from 'vscode';
import { formatDuration, formatNumber } from '../core/protocol/format';
import { headline, isResumable, isUnderway, shortMetric, type RunRow } from '../core/protocol/runs';
import { commandId, type CommandName } from './registry';
import type { RunArtifacts } from './run-artifacts';
import type { Runs, RunsChange } from './runs';
import type { MethodList } from './specs/methods';
import { setting } from './settings';

interface Action {
  readonly title: string;
  readonly command: CommandName;
}

/** Notifies once when a run that was seen running has ended; never about runs that had already ended. */
export class Notifications implements vscode.Disposable {
  readonly #subscription: vscode.Disposable;

  constructor(
    readonly runs: Runs,
    readonly methods: MethodList,
    readonly artifacts: RunArtifacts,
  ) {
    this.#subscription = runs.onDidChange((change) => {
      for (const row of this.#ended(change)) void this.#tell(row);
    });
  }

  #ended({ changed, before }: RunsChange): RunRow[] {
    const rows = this.runs.rows();
    return changed.flatMap((id) => {
      const was = before.get(id);
      const now = rows.find((row) => row.id === id);
      return was && now && isUnderway(was.state) && !isUnderway(now.state) ? [now] : [];
    });
  }

  async #tell(row: RunRow): Promise<void> {
    const when = setting('notify');
    // A user who stopped a run does not need to be told.
    if (when === 'never' || row.state === 'stopped' || (when === 'failure' && row.state === 'done')) return;
    const log: Action = { title: vscode.l10n.t('Show Log'), command: 'showLog' };
    const resume: Action = { title: vscode.l10n.t('Resume'), command: 'resumeRun' };
    if (row.state === 'done') {
      await this.methods.all();
      const open: Action = this.artifacts.has(row, 'tradeoff')
        ? { title: vscode.l10n.t('Open Trade-off'), command: 'openTradeoff' }
        : { title: vscode.l10n.t('Open Curves'), command: 'openCurves' };
      const samples: Action = { title: vscode.l10n.t('Open Data Importance'), command: 'openImportance' };
      const more = this.artifacts.has(row, 'importance') ? [samples] : [];
      await offer(vscode.window.showInformationMessage, describeEnd(row), [open, ...more, log], row);
    } else if (row.state === 'lost') {
      const text = vscode.l10n.t('{0} is lost: its process ended unexpectedly.', row.name);
      await offer(vscode.window.showWarningMessage, text, [resume, log], row);
    } else if (row.state === 'damaged' || row.state === 'unreadable') {
      await offer(vscode.window.showWarningMessage, row.reason, row.state === 'damaged' ? [resume, log] : [log], row);
    } else {
      const text = vscode.l10n.t('{0} failed. {1}', row.name, row.reason);
      // Resuming does not help if the device named in the spec is not available.
      const spec: Action = { title: vscode.l10n.t('Open Spec'), command: 'openSpec' };
      const check: Action = { title: vscode.l10n.t('Check Environment'), command: 'checkEnvironment' };
      const helps = row.reasonCode.startsWith('device.') ? [spec, check, log] : [log, resume];
      await offer(vscode.window.showErrorMessage, text, isResumable(row.state) ? helps : [log], row);
    }
  }

  dispose(): void {
    this.#subscription.dispose();
  }
}

function describeEnd(row: RunRow): string {
  const best = row.metrics && headline(row.metrics.values);
  const time = formatDuration(row.worked / 1000);
  const result = best ? ` ${shortMetric(best.name)} ${formatNumber(best.value)}.` : '';
  return vscode.l10n.t('{0} is done after {1}.{2}', row.name, time, result);
}

type Show = (message: string, ...titles: string[]) => Thenable<string | undefined>;

async function offer(show: Show, text: string, actions: readonly Action[], row: RunRow): Promise<void> {
  const chosen = await show(text, ...actions.map(({ title }) => title));
  const action = actions.find(({ title }) => title === chosen);
  if (action) await vscode.commands.executeCommand(commandId(action.command), { kind: 'run', runDir: row.dir });
}
