import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import type { RunRow } from '../../core/protocol/runs';
import type { TradeoffContract } from '../../core/protocol/tradeoff';
import { pickRuns } from '../pick';
import type { Cli } from '../cli';
import type { Runs } from '../runs';
import type { PanelKind, Sources } from './panel';
import { NestedSizes } from './nested-sizes';
import { loadTradeoffs } from './tradeoff-data';
import { whyNone } from './why-none';

const input = z.object({ runDirs: z.array(z.string()) });
export type RunsInput = z.output<typeof input>;

/** The quality/cost trade-off of some runs. */
export function tradeoffPanel(sources: Sources, cli: Cli): PanelKind<TradeoffContract, RunsInput> {
  const { runs, artifacts, milestones } = sources;
  const absence = {
    what: vscode.l10n.t('trade-off'),
    soon: vscode.l10n.t('No model has been evaluated yet. Models appear here as they are evaluated.'),
  };
  const none = (row: RunRow | undefined) => whyNone(sources, row, 'tradeoff', absence);
  return {
    name: 'tradeoff',
    input,
    title: ({ runDirs }) => titled(vscode.l10n.t('Trade-off'), runs, runDirs),
    key: ({ runDirs }) => runDirs.join('\n'),
    serve(first, panel) {
      let shown = first.runDirs;
      const sizes = new NestedSizes(cli, () => shown);
      const load = async () => {
        const loaded = sizes.addTo(await loadTradeoffs(shown, (dir) => runs.byDir(dir), none));
        if (loaded.some(({ points }) => points.length > 0)) await milestones.reached('compared');
        return loaded;
      };
      const subscription = runs.onDidChange(({ changed, removed }) => {
        const about = new Set([...changed, ...removed]);
        if (!shown.some((dir) => about.has(path.basename(dir)))) return;
        panel.retitle();
        if (!panel.visible) return;
        void load().then((now) => {
          panel.send('changed', now);
        });
      });
      return {
        handlers: {
          async load() {
            if (shown.some((dir) => !runs.byDir(dir))) await runs.refresh();
            return load();
          },
          evaluateSize: (size, { signal }) => sizes.evaluate(size, signal),
          async saveSize({ name, evaluate, ...size }, { signal }) {
            const folder = await sizes.save(size, { name, evaluate }, signal);
            if (folder !== undefined) runs.reread(path.dirname(path.dirname(folder)));
            return folder;
          },
          async chooseRuns() {
            const question = {
              title: vscode.l10n.t('Show the trade-offs of which runs?'),
              can: (row: RunRow) => artifacts.has(row, 'tradeoff'),
              none: vscode.l10n.t('No run has a trade-off yet.'),
            };
            const chosen = await pickRuns(runs, question, shown);
            if (!chosen || chosen.length === 0) return undefined;
            shown = chosen.map(({ dir }) => dir);
            panel.setInput({ runDirs: shown });
            return load();
          },
        },
        dispose() {
          subscription.dispose();
        },
      };
    },
  };
}

/** A panel title: `Trade-off: family`, or the number of runs. */
export function titled(what: string, runs: Runs, runDirs: readonly string[]): string {
  const [only] = runDirs;
  if (runDirs.length !== 1 || only === undefined) return vscode.l10n.t('{0}: {1} runs', what, runDirs.length);
  return `${what}: ${runs.byDir(only)?.name ?? path.basename(only)}`;
}
