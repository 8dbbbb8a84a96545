import path from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../core/errors';
import { describeCheckpoint, glanceAt, listCheckpoints } from '../core/experiments/library/checkpoints';
import { kindsInWords, modelKindName, type ModelKind } from '../core/models/kind';
import { formatAgo } from '../core/protocol/format';
import type { RunRow } from '../core/protocol/runs';
import type { Runs } from './runs';
import type { Specs } from './specs/specs';
import { describeRun, stateIcon } from './views/describe';

/** Lines offered at once: a list of thousands is slow, and typing finds the others by name. */
const OFFERED = 500;

interface RunItem extends vscode.QuickPickItem {
  readonly row: RunRow;
}

const runItem = (row: RunRow): RunItem => ({
  row,
  label: row.name,
  description: describeRun(row),
  detail: `${row.method} · ${row.id}`,
  iconPath: new vscode.ThemeIcon(stateIcon(row.state)[0].replace('~spin', '')),
});

interface RunQuestion {
  readonly title: string;
  /** Which runs the command can do something with. */
  readonly can: (row: RunRow) => boolean;
  /** Why none of the runs will do, and what to do about it. */
  readonly none: string;
}

/** @throws UserError `run.none` */
export async function requireRuns(runs: Runs): Promise<void> {
  await runs.refresh();
  if (runs.rows().length === 0) throw new UserError('run.none', vscode.l10n.t('There are no runs yet.'));
}

/** The newest runs that a question is about. @throws UserError `run.none`, `run.none-such` */
async function candidates(runs: Runs, { can, none }: RunQuestion): Promise<RunItem[]> {
  await requireRuns(runs);
  const rows = runs.rows().filter(can);
  if (rows.length > 0) return rows.slice(0, OFFERED).map(runItem);
  throw new UserError('run.none-such', none);
}

/** Asks for one run; undefined when it was called off. @throws UserError `run.none` */
export async function pickRun(runs: Runs, question: RunQuestion): Promise<RunRow | undefined> {
  // Not as a promise: VS Code would report one that is rejected as an error of its own.
  const items = await candidates(runs, question);
  const chosen = await vscode.window.showQuickPick(items, {
    title: question.title,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return chosen?.row;
}

/** Asks for any number of runs; undefined when it was called off. @throws UserError `run.none` */
export async function pickRuns(
  runs: Runs,
  question: RunQuestion,
  picked: readonly string[] = [],
): Promise<RunRow[] | undefined> {
  const items = (await candidates(runs, question)).map((item) => ({ ...item, picked: picked.includes(item.row.dir) }));
  const chosen = await vscode.window.showQuickPick(items, {
    title: question.title,
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return chosen?.map(({ row }) => row);
}

interface CheckpointQuestion {
  readonly title: string;
  /** One that is not offered. */
  readonly besides?: string;
  /** The kinds of models that will do; all checkpoints where nothing is said. */
  readonly takes?: readonly ModelKind[] | undefined;
}

/** Asks for a checkpoint of a run, or any model folder or file; undefined when it was called off. */
export async function pickCheckpoint(
  runs: Runs,
  { title, besides, takes }: CheckpointQuestion,
): Promise<string | undefined> {
  await runs.refresh();
  const browseFolder = { label: vscode.l10n.t('Model folder…'), iconPath: new vscode.ThemeIcon('folder-opened') };
  const browseFile = { label: vscode.l10n.t('Safetensors file…'), iconPath: new vscode.ThemeIcon('file') };
  const fits = ({ model }: { readonly model?: ModelKind | undefined }) =>
    !takes || (model !== undefined && takes.includes(model));
  const offered = (async () => {
    const items: (vscode.QuickPickItem & { readonly path?: string })[] = [];
    for (const row of runs.rows().slice(0, 50)) {
      const checkpoints = (await listCheckpoints(row.dir).catch(() => [])).filter((one) => one.path !== besides);
      const described = await Promise.all(checkpoints.map(describeCheckpoint));
      const able = described.filter((one) => !one.trouble && fits(one));
      if (able.length === 0) continue;
      const label = `${row.name} · ${formatAgo(row.created)}`;
      items.push({ label, kind: vscode.QuickPickItemKind.Separator });
      for (const { name, description, path: at } of able) items.push({ label: name, description, path: at });
    }
    return [browseFolder, ...(takes ? [] : [browseFile]), ...items];
  })();
  const chosen = await vscode.window.showQuickPick(offered, { title, matchOnDescription: true });
  if (chosen !== browseFolder && chosen !== browseFile)
    return chosen !== undefined && 'path' in chosen ? chosen.path : undefined;
  const folder = chosen === browseFolder;
  const found = await vscode.window.showOpenDialog({
    title,
    canSelectFiles: !folder,
    canSelectFolders: folder,
    ...(folder ? {} : { filters: { safetensors: ['safetensors'] } }),
  });
  const picked = found?.[0]?.fsPath;
  if (picked === undefined || !takes) return picked;
  const glance = await glanceAt(picked);
  if (fits(glance)) return picked;
  const is = glance.model
    ? vscode.l10n.t('It is {0}.', modelKindName(glance.model))
    : (glance.trouble?.why ?? vscode.l10n.t('Winnow cannot read models of this type.'));
  await vscode.window.showWarningMessage(vscode.l10n.t('The experiment starts from {0}.', kindsInWords(takes)), {
    modal: true,
    detail: `${picked}\n${is}`,
  });
  return undefined;
}

/** The spec in the active editor, or the one that is asked for; undefined when it was called off. @throws UserError `spec.none` */
export async function pickSpec(specs: Specs, title: string): Promise<string | undefined> {
  const active = vscode.window.activeTextEditor?.document.uri;
  if (active?.scheme === 'file' && active.path.endsWith('.winnow.json')) return active.fsPath;
  await specs.find();
  const { files } = specs;
  if (files.length === 0) throw new UserError('spec.none', vscode.l10n.t('There is no *.winnow.json in this folder.'));
  if (files.length === 1) return files[0];
  const items = files.map((file) => ({
    label: path.basename(file),
    description: vscode.workspace.asRelativePath(path.dirname(file)),
    file,
  }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.file;
}
