import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import type { CurvesContract } from '../../core/protocol/curves';
import { isActive } from '../../core/protocol/runs';
import { pickRuns } from '../pick';
import { CurveSource } from './curves-data';
import type { PanelKind, Sources } from './panel';
import { titled, type RunsInput } from './tradeoff';

const input = z.object({ runDirs: z.array(z.string()) });

/** Interval between reads of the event logs of active runs, milliseconds. */
const LIVE = 500;

/** Live training curves of some runs. */
export function curvesPanel({ runs, methods }: Sources): PanelKind<CurvesContract, RunsInput> {
  return {
    name: 'curves',
    input,
    title: ({ runDirs }) => titled(vscode.l10n.t('Curves'), runs, runDirs),
    key: ({ runDirs }) => runDirs.join('\n'),
    serve(first, panel) {
      let shown = first.runDirs;
      let begun = false;
      const source = new CurveSource(
        (dir) => runs.byDir(dir),
        (method) => methods.unitsOf(method),
      );
      source.setRuns(shown);
      const send = async () => {
        // A hidden panel is redrawn from the beginning when it is shown.
        if (!begun || !panel.visible) return;
        panel.send('update', await source.read());
      };
      const subscription = runs.onDidChange(({ changed, removed }) => {
        const about = new Set([...changed, ...removed]);
        if (!shown.some((dir) => about.has(path.basename(dir)))) return;
        panel.retitle();
        void send();
      });
      const timer = setInterval(() => {
        if (shown.some((dir) => isActive(runs.byDir(dir)?.state ?? 'done'))) void send();
      }, LIVE);
      return {
        handlers: {
          async load() {
            if (shown.some((dir) => !runs.byDir(dir))) await runs.refresh();
            source.restart();
            const all = await source.read();
            begun = true;
            return all;
          },
          async chooseRuns() {
            const question = {
              title: vscode.l10n.t('Show the curves of which runs?'),
              can: () => true,
              none: '',
            };
            const chosen = await pickRuns(runs, question, shown);
            if (!chosen || chosen.length === 0) return undefined;
            shown = chosen.map(({ dir }) => dir);
            source.setRuns(shown);
            source.restart();
            panel.setInput({ runDirs: shown });
            return source.read();
          },
        },
        dispose() {
          clearInterval(timer);
          subscription.dispose();
        },
      };
    },
  };
}
