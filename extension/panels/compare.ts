import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { readRecord } from '../../core/experiments/run/directory';
import { sparklinesOf } from '../../core/experiments/library/sparkline';
import type { ComparedRun, CompareContract, Sparkline } from '../../core/protocol/compare';
import { pickRuns } from '../pick';
import type { PanelKind, Sources } from './panel';
import type { RunsInput } from './tradeoff';

/** If empty: all runs, including future ones. */
const input = z.object({ runDirs: z.array(z.string()) });

/** The table that compares runs. */
export function comparePanel({
  runs,
  methods,
}: Pick<Sources, 'runs' | 'methods'>): PanelKind<CompareContract, RunsInput> {
  return {
    name: 'compare',
    input,
    title: ({ runDirs }) =>
      runDirs.length === 0 ? vscode.l10n.t('Compare: all runs') : vscode.l10n.t('Compare: {0} runs', runDirs.length),
    key: ({ runDirs }) => [...runDirs].sort().join('\n'),
    serve(first, panel) {
      let shown = first.runDirs;
      /** Read once, since `run.json` never changes. */
      const configs = new Map<string, ComparedRun['config']>();
      /** By run, with the run's state when they were read. */
      const sparklines = new Map<string, { state: string; lines: Promise<Record<string, Sparkline>> }>();
      const load = async (): Promise<ComparedRun[]> => {
        const rows = runs.rows().filter(({ dir }) => shown.length === 0 || shown.includes(dir));
        const compared: ComparedRun[] = [];
        for (const row of rows) {
          const config =
            configs.get(row.dir) ??
            (await readRecord(row.dir).then(
              ({ spec }) => methods.recordedSettings(spec.method, spec.config),
              () => ({}),
            ));
          configs.set(row.dir, config);
          compared.push({ ...row, config });
        }
        return compared;
      };
      const subscription = runs.onDidChange(({ changed, removed }) => {
        const about = new Set([...changed, ...removed]);
        if (!panel.visible || (shown.length > 0 && !shown.some((dir) => about.has(path.basename(dir))))) return;
        void load().then((now) => {
          panel.send('changed', now);
        });
      });
      return {
        handlers: {
          async load() {
            await runs.refresh();
            return load();
          },
          async sparklines({ runDir }) {
            const row = runs.byDir(runDir);
            const state = `${row?.metrics?.step ?? ''} ${row?.state ?? ''}`;
            const known = sparklines.get(runDir);
            if (known?.state === state) return known.lines;
            const lines = sparklinesOf(runDir).then((all) => Object.fromEntries(all));
            sparklines.set(runDir, { state, lines });
            return lines;
          },
          async chooseRuns() {
            const question = { title: vscode.l10n.t('Compare which runs?'), can: () => true, none: '' };
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
