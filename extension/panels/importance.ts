import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import type { Inspector } from '../../core/inspection/client';
import { UserError } from '../../core/errors';
import type { ExportedSamples, ImportanceContract, ImportanceRun, SampleQuery } from '../../core/protocol/importance';
import { isActive } from '../../core/protocol/runs';
import type { Runs } from '../runs';
import type { PanelKind, Sources } from './panel';
import { titled } from './tradeoff';
import { whyNone } from './why-none';

const input = z.object({ runDir: z.string() });
export type ImportanceInput = z.output<typeof input>;

/** Which samples of a run mattered. Arrays and data are read in the inspector's process, never in this one. */
export function importancePanel(
  sources: Sources,
  inspector: Inspector,
  onDefect: (error: unknown) => void,
): PanelKind<ImportanceContract, ImportanceInput> {
  const { runs, artifacts } = sources;
  return {
    name: 'importance',
    input,
    title: ({ runDir }) => titled(vscode.l10n.t('Data importance'), runs, [runDir]),
    key: ({ runDir }) => runDir,
    serve({ runDir }, panel) {
      const describe = () => describeRun(runDir, sources, inspector);
      const stamp = () => {
        const row = runs.byDir(runDir);
        return [row?.name, row?.state, row && artifacts.written(row, 'importance')].join();
      };
      let told = stamp();
      const subscription = runs.onDidChange(({ changed, removed }) => {
        if (![...changed, ...removed].includes(path.basename(runDir))) return;
        panel.retitle();
        // A run changes every second; what is shown here only when it has chosen again.
        if (!panel.visible || stamp() === told) return;
        told = stamp();
        describe().then((run) => {
          panel.send('changed', run);
        }, onDefect);
      });
      return {
        handlers: {
          async load() {
            if (!runs.byDir(runDir)) await runs.refresh();
            told = stamp();
            return describe();
          },
          histogram: (query, { signal }) => inspector.importance('importanceHistogram', { runDir, query }, { signal }),
          samples: (query, { signal }) => inspector.importance('importanceSamples', { runDir, query }, { signal }),
          flag: ({ indices, flagged }) => inspector.importance('importanceFlag', { runDir, indices, flagged }),
          export: (query, { signal }) => exportSamples(runDir, runs, query, inspector, signal),
        },
        dispose() {
          subscription.dispose();
        },
      };
    },
  };
}

async function describeRun(runDir: string, sources: Sources, inspector: Inspector): Promise<ImportanceRun> {
  const row = sources.runs.byDir(runDir);
  const base = { runName: row?.name ?? path.basename(runDir), live: row ? isActive(row.state) : false };
  if (row && sources.artifacts.has(row, 'importance'))
    return { ...base, overview: await inspector.importance('importance', { runDir }) };
  const absence = {
    what: vscode.l10n.t('data importance'),
    soon: vscode.l10n.t(
      'The run has not selected samples yet: it trains on all of them first. The samples appear here after the first selection.',
    ),
  };
  return { ...base, problem: await whyNone(sources, row, 'importance', absence) };
}

/** @throws UserError `importance.no-disk` and those of the inspector */
async function exportSamples(
  runDir: string,
  runs: Pick<Runs, 'byDir'>,
  query: SampleQuery,
  inspector: Inspector,
  signal: AbortSignal,
): Promise<ExportedSamples | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${runs.byDir(runDir)?.name ?? path.basename(runDir)}-${query.flagged ? 'flagged' : query.list}.jsonl`;
  const uri = await vscode.window.showSaveDialog({
    ...(folder && { defaultUri: vscode.Uri.joinPath(folder, path.basename(name)) }),
    filters: { 'JSON Lines': ['jsonl'] },
  });
  if (!uri) return undefined;
  if (uri.scheme !== 'file')
    throw new UserError(
      'importance.no-disk',
      vscode.l10n.t('{0} is not on a disk.', uri.toString()),
      vscode.l10n.t('Save the samples to a folder on this machine.'),
    );
  const file = uri.fsPath;
  return { file, count: await inspector.importance('importanceExport', { runDir, query, file }, { signal }) };
}
