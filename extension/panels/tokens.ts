import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { tokenMap, tokenMapFile } from '../../core/methods/skipvit/artifacts';
import { isActive } from '../../core/protocol/runs';
import type { TokenMap, TokenMaps, TokensContract } from '../../core/protocol/tokens';
import type { Runs } from '../runs';
import { tokenMapsOf } from './has-artifact';
import type { PanelKind } from './panel';
import { titled } from './tradeoff';

const input = z.object({ runDir: z.string() });
export type TokensInput = z.output<typeof input>;

/** The token-drop heatmap of a run. */
export function tokensPanel(runs: Runs): PanelKind<TokensContract, TokensInput> {
  return {
    name: 'tokens',
    input,
    title: ({ runDir }) => titled(vscode.l10n.t('Tokens'), runs, [runDir]),
    key: ({ runDir }) => runDir,
    serve({ runDir }, panel) {
      const list = () => listTokenMaps(runDir, runs);
      const subscription = runs.onDidChange(({ changed, removed }) => {
        if (![...changed, ...removed].includes(path.basename(runDir))) return;
        panel.retitle();
        if (panel.visible) panel.send('changed', list());
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

function listTokenMaps(runDir: string, runs: Pick<Runs, 'byDir'>): TokenMaps {
  const row = runs.byDir(runDir);
  const models = tokenMapsOf(runDir).map((file) => file.replace(/^tokens-|\.json$/g, ''));
  const live = row ? isActive(row.state) : false;
  const base = { runName: row?.name ?? path.basename(runDir), live, models };
  if (models.length > 0) return base;
  if (!row) return { ...base, problem: 'The run is gone: it was deleted or moved.' };
  return {
    ...base,
    problem: live
      ? 'The run has made no picture yet; they appear here as it trains.'
      : `The run made no map of tokens. Runs of skipvit make them; this is ${row.method}, ${row.state}.`,
  };
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
