import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { tokenMap, tokenMapFile } from '../../core/protocol/token-map';
import { isActive } from '../../core/protocol/runs';
import type { TokenMap, TokenMaps, TokensContract } from '../../core/protocol/tokens';
import type { PanelKind, Sources } from './panel';
import { titled } from './tradeoff';
import { whyNone } from './why-none';

/** A run, and the model whose heatmap was asked for; any where none was. */
const input = z.object({ runDir: z.string(), model: z.string().optional() });
export type TokensInput = z.output<typeof input>;

/** The token-drop heatmap of a run. */
export function tokensPanel(sources: Sources): PanelKind<TokensContract, TokensInput> {
  const { runs } = sources;
  return {
    name: 'tokens',
    input,
    title: ({ runDir, model }) =>
      [titled(vscode.l10n.t('Tokens'), runs, [runDir]), ...(model === undefined ? [] : [model])].join(' · '),
    key: ({ runDir, model = '' }) => `${runDir}\n${model}`,
    serve({ runDir, model: asked }, panel) {
      const list = async () => ({ ...(await listTokenMaps(runDir, sources)), ...(asked !== undefined && { asked }) });
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
          map: ({ model }) => readTokenMap(runDir, model),
        },
        dispose() {
          subscription.dispose();
        },
      };
    },
  };
}

async function listTokenMaps(runDir: string, sources: Sources): Promise<TokenMaps> {
  const row = sources.runs.byDir(runDir);
  const models = row ? sources.artifacts.parts(row, 'drop-map').sort() : [];
  const base = { runName: row?.name ?? path.basename(runDir), live: row ? isActive(row.state) : false, models };
  if (models.length > 0) return base;
  const absence = {
    what: vscode.l10n.t('token heatmap'),
    soon: vscode.l10n.t('No picture yet. They appear here as the run trains.'),
  };
  return { ...base, problem: await whyNone(sources, row, 'drop-map', absence) };
}

/** @throws UserError `tokens.unreadable` */
export async function readTokenMap(runDir: string, model: string): Promise<TokenMap> {
  const file = path.join(runDir, 'artifacts', path.basename(tokenMapFile(model)));
  try {
    return tokenMap.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new UserError('tokens.unreadable', `${file} cannot be read.`, 'Was it deleted, or is it of another Winnow?', {
      cause: error,
    });
  }
}
