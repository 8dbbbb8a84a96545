import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { openModelFolder } from '../../checkpoint/model-folder';
import { openSafetensorsFile } from '../../checkpoint/safetensors';
import { summarize } from '../../checkpoint/summary';
import * as z from 'zod';
import { explainReadError } from '../../file-errors';
import { UserError } from '../../errors';
import { kindOfConfig, type ModelKind } from '../../models/kind';
import { formatBytes, formatCount, formatNumber } from '../../protocol/format';
import { headline, shortMetric } from '../../protocol/runs';
import { NOT_FETCHED } from '../../checkpoint/not-fetched';
import { readCheckpoints } from './store';

/** The fields of `meta.json` that every writer uses. */
const meta = z.looseObject({
  kind: z.string().optional(),
  step: z.number().optional(),
  /** Where the files are, if a program keeps its checkpoints elsewhere. */
  source: z.string().optional(),
  metrics: z.record(z.string(), z.number()).optional(),
});

/** The content of a checkpoint's `meta.json`; empty if the file is missing or cannot be read. */
export async function readMeta(checkpoint: string): Promise<Partial<z.output<typeof meta>>> {
  const text = await readFile(path.join(checkpoint, 'meta.json'), 'utf8').catch(() => '{}');
  try {
    return meta.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}

/** A checkpoint of a run, as a list shows it. */
export interface CheckpointRow {
  readonly name: string;
  /** The model folder or file to open: the checkpoint's own folder, or what it points to. */
  readonly path: string;
  /** `model`, `training`, …, as recorded in `meta.json`. */
  readonly kind: string;
  readonly step: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  /** Whether the files are missing. */
  readonly missing: boolean;
  /** Whether the files of a program have changed since they were recorded. */
  readonly changed: boolean;
  /** Whether a program wrote it elsewhere, in a format of its own. */
  readonly foreign: boolean;
}

/** The checkpoints of a run directory, sorted by name. */
export async function listCheckpoints(runDir: string): Promise<CheckpointRow[]> {
  const found = await readCheckpoints(path.join(runDir, 'checkpoints'));
  return Promise.all(
    found.map(async ({ name, dir, meta: content, source }) => {
      const parsed = meta.safeParse(content);
      const { kind = 'model', step = null, metrics = {} } = parsed.success ? parsed.data : {};
      const target = source?.path ?? dir;
      const missing = await stat(target).then(
        () => false,
        () => true,
      );
      const changed = source?.state === 'changed';
      const foreign = source !== undefined && !/\.safetensors(\.index\.json)?$/.test(target);
      return { name, path: target, kind, step: step ?? null, metrics, missing, changed, foreign };
    }),
  );
}

/** The folder in a run's `checkpoints/` that belongs to a model; the model itself if it does not belong to the run. */
export async function checkpointFolder(model: string, runDir: string | undefined): Promise<string> {
  if (runDir === undefined) return model;
  const found = (await listCheckpoints(runDir)).find((one) => one.path === model);
  return found ? path.join(runDir, 'checkpoints', found.name) : model;
}

/** Why a checkpoint cannot be used. */
export interface Trouble {
  readonly what: 'missing' | 'changed' | 'incomplete' | 'damaged' | 'unreadable' | 'not fetched';
  /** A sentence, with what to do about it. */
  readonly why: string;
}

/** A word or two for lists. */
export function troubleInWords({ what }: Trouble): string {
  switch (what) {
    case 'missing':
      return l10n.t('missing');
    case 'changed':
      return l10n.t('changed');
    case 'incomplete':
      return l10n.t('incomplete');
    case 'damaged':
      return l10n.t('damaged');
    case 'unreadable':
      return l10n.t('unreadable');
    case 'not fetched':
      return l10n.t('not fetched');
  }
}

/** A summary of a model folder or file, from its headers. */
export interface Glance {
  /** Size and ranks, such as `4.65M` and `ranks 72–152`; empty if they cannot be read. */
  readonly words: readonly string[];
  /** The kind of model; undefined for weights without a config, and for formats that Winnow cannot read. */
  readonly model?: ModelKind | undefined;
  readonly trouble?: Trouble;
}

/** Reads the headers of a model folder, a file of weights, or anything else that a program calls a checkpoint. */
export async function glanceAt(target: string): Promise<Glance> {
  try {
    const folder = (await stat(target)).isDirectory();
    if (folder && existsSync(path.join(target, NOT_FETCHED))) return { words: [], trouble: notFetched(target) };
    const model = folder ? await openModelFolder(target) : await openSafetensorsFile(target);
    try {
      const { parameters, bytes, factored } = summarize(model);
      const ranks = factored.map(({ rank }) => rank);
      const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
      const range = least === most ? l10n.t`rank ${least}` : l10n.t`ranks ${least}–${most}`;
      const words = [formatCount(parameters), ...(ranks.length > 0 ? [range] : [formatBytes(bytes)])];
      return { words, model: 'config' in model ? kindOfConfig(model.config) : undefined };
    } finally {
      await model.close();
    }
  } catch (error) {
    const explained = explainReadError(error, target);
    if (!(explained instanceof UserError)) throw error;
    return { words: [], trouble: troubleOf(explained) };
  }
}

const notFetched = (target: string): Trouble => ({
  what: 'not fetched',
  why: l10n.t`${path.basename(target)} is on the machine where the run runs, and was not copied to this one yet.`,
});

const MISSING = new Set(['file.not-found', 'model.not-a-folder', 'model.not-found']);
/** What an interrupted copy or download leaves behind. */
const INCOMPLETE = new Set([
  ...['safetensors.empty', 'safetensors.too-short', 'safetensors.out-of-range'],
  ...['model.missing-shard', 'model.no-weights', 'model.no-config'],
]);

function troubleOf({ code, message, hint }: UserError): Trouble {
  const why = [message, hint].filter(Boolean).join(' ');
  if (MISSING.has(code)) return { what: 'missing', why };
  if (INCOMPLETE.has(code)) return { what: 'incomplete', why };
  return { what: /^safetensors\.|^model\.bad-/.test(code) ? 'damaged' : 'unreadable', why };
}

export const changedSince = (file: string): string =>
  l10n.t`${file} was overwritten after this run had written it, by another run or program: it is no longer this checkpoint.`;

/** A checkpoint of a run, with a summary of its headers: `4.65M · ranks 72–152 · ppl 37.96`. */
export interface DescribedCheckpoint extends CheckpointRow, Glance {
  readonly description: string;
}

export async function describeCheckpoint(checkpoint: CheckpointRow): Promise<DescribedCheckpoint> {
  if (checkpoint.changed) {
    // The recorded metrics and the headers do not describe the files that are there now.
    const trouble = { what: 'changed', why: changedSince(checkpoint.path) } as const;
    return { ...checkpoint, words: [], trouble, description: l10n.t('changed since') };
  }
  const glance = await glanceAt(checkpoint.path);
  const best = headline(checkpoint.metrics);
  // It is not an error that Winnow cannot read a program's own format.
  const trouble = checkpoint.foreign && glance.trouble?.what !== 'missing' ? undefined : glance.trouble;
  const words = [
    ...(checkpoint.kind === 'training' ? [l10n.t('to resume from')] : []),
    ...(trouble ? [troubleInWords(trouble)] : glance.words),
    ...(best ? [`${shortMetric(best.name)} ${formatNumber(best.value)}`] : []),
  ];
  const { words: found, model } = glance;
  return { ...checkpoint, words: found, model, ...(trouble && { trouble }), description: words.join(' · ') };
}
