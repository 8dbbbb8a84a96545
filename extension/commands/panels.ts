import * as vscode from 'vscode';
import type { RunRow } from '../../core/protocol/runs';
import { pickRuns, requireRuns } from '../pick';
import type { Handlers, Services } from '../services';
import { runDirsOf, targetOf, targetsOf } from '../targets';

/** Commands that open panels. */
export function panelCommands({ runs, specs, artifacts, panels }: Services) {
  /** The runs that were clicked; otherwise asks for them. */
  const chosen = async (target: unknown, selection: unknown, title: string, can: (row: RunRow) => boolean) => {
    const targets = targetsOf(target, selection);
    const dirs = runDirsOf(targets);
    for (const found of targets)
      if (found.kind === 'spec') dirs.push(...specs.runsOf(found.file, runs.rows()).map(({ dir }) => dir));
    if (dirs.length > 0) return dirs;
    const none = vscode.l10n.t('No run has anything to show here yet.');
    const rows = await pickRuns(runs, { title, can, none });
    return rows?.map(({ dir }) => dir) ?? [];
  };

  return {
    async openTradeoff(target, selection) {
      const can = (row: RunRow) => artifacts.has(row, 'tradeoff');
      const runDirs = await chosen(target, selection, vscode.l10n.t('Trade-off of which runs?'), can);
      if (runDirs.length > 0) panels.tradeoff.show({ runDirs });
    },

    async openHeatmap(target, selection) {
      const can = (row: RunRow) => artifacts.has(row, 'token-heatmap');
      const runDirs = await chosen(target, selection, vscode.l10n.t('Token heatmap of which run?'), can);
      const found = targetOf(target);
      const row = found?.kind === 'artifact' ? runs.byDir(found.runDir) : undefined;
      // If an artifact was clicked, the model that it belongs to.
      const model = row && found?.kind === 'artifact' ? artifacts.partOf(row, 'token-heatmap', found.name) : undefined;
      for (const runDir of runDirs) panels.heatmap.show({ runDir, ...(model !== undefined && { model }) });
    },

    async openImportance(target, selection) {
      const can = (row: RunRow) => artifacts.has(row, 'importance');
      const runDirs = await chosen(target, selection, vscode.l10n.t('Data importance of which run?'), can);
      for (const runDir of runDirs) panels.importance.show({ runDir });
    },

    async compareRuns(target, selection) {
      const targets = targetsOf(target, selection);
      const dirs = runDirsOf(targets);
      for (const found of targets)
        if (found.kind === 'spec') dirs.push(...specs.runsOf(found.file, runs.rows()).map(({ dir }) => dir));
      if (dirs.length === 0) await requireRuns(runs);
      // From the command palette: all runs; the panel can filter them and let the user choose.
      panels.compare.show({ runDirs: dirs.length > 1 ? dirs : [] });
    },

    async openCurves(target, selection) {
      const runDirs = await chosen(target, selection, vscode.l10n.t('Curves of which runs?'), () => true);
      if (runDirs.length > 0) panels.curves.show({ runDirs });
    },
  } satisfies Handlers;
}
