import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import type { Inspector } from '../../core/inspection/client';
import { UserError } from '../../core/errors';
import type {
  CleanedCopy,
  DataKind,
  ExportedSamples,
  ImportanceContract,
  ImportanceRun,
  NextSpec,
  SampleQuery,
} from '../../core/protocol/importance';
import { isActive } from '../../core/protocol/runs';
import type { Runs } from '../runs';
import type { PanelKind, Sources } from './panel';
import { titled } from './tradeoff';
import { whyNone } from './why-none';

const input = z.object({ runDir: z.string() });
export type ImportanceInput = z.output<typeof input>;

/** How important the samples of a run are. Arrays and data are read in the inspector process, never in this one. */
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
        // A run changes every second; update only when there is a new selection.
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
          flagList: ({ query, flagged }, { signal }) =>
            inspector.importance('importanceFlagList', { runDir, query, flagged }, { signal }),
          clean: (query, { signal }) => saveCleaned(runDir, runs, query, inspector, signal),
          trainAgain: (query, { signal }) => trainAgain(runDir, query, inspector, signal),
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

/** @throws UserError `importance.no-disk`, or as thrown by the inspector */
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
  const file = onDisk(uri);
  return { file, count: await inspector.importance('importanceExport', { runDir, query, file }, { signal }) };
}

/** @throws UserError `importance.no-disk` */
function onDisk(uri: vscode.Uri): string {
  if (uri.scheme === 'file') return uri.fsPath;
  throw new UserError(
    'importance.no-disk',
    vscode.l10n.t('{0} is not on a disk.', uri.toString()),
    vscode.l10n.t('Save the samples to a folder on this machine.'),
  );
}

const writing = () => ({
  location: vscode.ProgressLocation.Window,
  title: vscode.l10n.t('Writing the cleaned copy'),
});

/** Asks for a name and writes the data of a run without the samples of a list. */
async function saveCleaned(
  runDir: string,
  runs: Pick<Runs, 'byDir'>,
  query: SampleQuery,
  inspector: Inspector,
  signal: AbortSignal,
): Promise<CleanedCopy | undefined> {
  const { data, source = '' } = await inspector.importance('importance', { runDir }, { signal });
  const ending = endingOf(data, source);
  const own = source === '' || source.startsWith('embedded:') ? undefined : path.parse(path.basename(source)).name;
  const name = `${own ?? runs.byDir(runDir)?.name ?? path.basename(runDir)}-cleaned${ending}`;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uri = await vscode.window.showSaveDialog({
    title:
      ending === ''
        ? vscode.l10n.t('Save the cleaned copy as a folder')
        : vscode.l10n.t('Save the cleaned copy as a file'),
    ...(folder && { defaultUri: vscode.Uri.joinPath(folder, path.basename(name)) }),
    ...(ending !== '' && { filters: { [ending.slice(1).toUpperCase()]: [ending.slice(1)] } }),
  });
  if (!uri) return undefined;
  const file = onDisk(uri);
  return vscode.window.withProgress(writing(), () =>
    inspector.importance('importanceClean', { runDir, query, file }, { signal }),
  );
}

/** The ending of a copy's name: that of the data, if rows can be left out of it; none for a folder. */
function endingOf(data: DataKind, source: string): string {
  if (data !== 'texts') return '';
  const own = path.extname(source).toLowerCase();
  if (['.csv', '.tsv', '.jsonl'].includes(own)) return own;
  return own === '.parquet' || source.startsWith('embedded:') ? '.jsonl' : '';
}

/** Writes a spec that trains without the samples of a list, and opens it. */
async function trainAgain(
  runDir: string,
  query: SampleQuery,
  inspector: Inspector,
  signal: AbortSignal,
): Promise<NextSpec> {
  const next = await vscode.window.withProgress(writing(), () =>
    inspector.importance('importanceTrainAgain', { runDir, query }, { signal }),
  );
  await vscode.window.showTextDocument(vscode.Uri.file(next.spec), { preview: false });
  return next;
}
