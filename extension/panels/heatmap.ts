import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { formerHeatmapFile, heatmapFile, tokenHeatmap } from '../../core/protocol/token-heatmap';
import { isActive } from '../../core/protocol/runs';
import type { TokenHeatmap, TokenHeatmaps, HeatmapContract } from '../../core/protocol/heatmap-panel';
import type { PanelKind, Sources } from './panel';
import { titled } from './tradeoff';
import { whyNone } from './why-none';

/** A run, and the model whose heatmap was asked for; any where none was. */
const input = z.object({ runDir: z.string(), model: z.string().optional() });
export type HeatmapInput = z.output<typeof input>;

/** The token heatmap of a run. */
export function heatmapPanel(sources: Sources): PanelKind<HeatmapContract, HeatmapInput> {
  const { runs } = sources;
  return {
    name: 'heatmap',
    input,
    title: ({ runDir, model }) =>
      [titled(vscode.l10n.t('Token heatmap'), runs, [runDir]), ...(model === undefined ? [] : [model])].join(' · '),
    key: ({ runDir, model = '' }) => `${runDir}\n${model}`,
    serve({ runDir, model: asked }, panel) {
      const list = async () => ({ ...(await listHeatmaps(runDir, sources)), ...(asked !== undefined && { asked }) });
      const subscription = runs.onDidChange(({ changed, removed }) => {
        if (![...changed, ...removed].includes(path.basename(runDir))) return;
        panel.retitle();
        if (!panel.visible) return;
        void list().then((now) => {
          panel.send('changed', now);
        });
      });
      return {
        handlers: {
          async load() {
            if (!runs.byDir(runDir)) await runs.refresh();
            return list();
          },
          heatmap: ({ model }) => readHeatmap(runDir, model),
        },
        dispose() {
          subscription.dispose();
        },
      };
    },
  };
}

async function listHeatmaps(runDir: string, sources: Sources): Promise<TokenHeatmaps> {
  const row = sources.runs.byDir(runDir);
  const models = row ? sources.artifacts.parts(row, 'token-heatmap').sort() : [];
  const base = { runName: row?.name ?? path.basename(runDir), live: row ? isActive(row.state) : false, models };
  if (models.length > 0) return base;
  const absence = {
    what: vscode.l10n.t('token heatmap'),
    soon: vscode.l10n.t('No images yet. They appear here as the run trains.'),
  };
  return { ...base, problem: await whyNone(sources, row, 'token-heatmap', absence) };
}

/** @throws UserError `tokens.unreadable` */
export async function readHeatmap(runDir: string, model: string): Promise<TokenHeatmap> {
  const at = (name: string) => path.join(runDir, 'artifacts', path.basename(name));
  const former = at(formerHeatmapFile(model));
  const file = existsSync(former) && !existsSync(at(heatmapFile(model))) ? former : at(heatmapFile(model));
  try {
    return tokenHeatmap.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new UserError(
      'tokens.unreadable',
      vscode.l10n.t('{0} cannot be read.', file),
      vscode.l10n.t('It may have been deleted or written by another version of Winnow.'),
      {
        cause: error,
      },
    );
  }
}
