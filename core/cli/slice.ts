import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { readMeta } from '../checkpoint/training-state';
import type { ProgressOptions } from '../checkpoint/read-ahead';
import { formatAs } from '../comparison/results-table';
import { UserError } from '../errors';
import type { ModelEvaluation } from '../experiments/method';
import { evaluateAsRun } from '../experiments/run/evaluate';
import { lineageOf } from '../experiments/run/provenance';
import { readResults } from '../methods/read-results';
import type { Ranks } from '../models/decoder/config';
import { nestedFacts, ranksOfSize, type WantedSize } from '../models/decoder/sizes';
import { withNested, writeSlice, type NestedFolder } from '../models/decoder/slice';
import { formatBytes, formatCount, formatShare } from '../protocol/format';
import { costOf, rankText, trainedSize, type SizeCost } from '../protocol/nested';
import { readText } from '../read-text';
import type { AddCommand, CliContext } from './context';
import { print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';
import { interruptible } from './work';

interface SliceOptions extends JsonOption {
  readonly size?: number;
  readonly parameters?: number;
  readonly flops?: number;
  readonly ranks?: string;
  readonly out?: string;
  readonly evaluate?: boolean;
  readonly dryRun?: boolean;
}

/** What the command prints as JSON. */
interface Slice extends SizeCost {
  readonly checkpoint: string;
  /** The new folder; null if nothing was written. */
  readonly folder: string | null;
  readonly bytes: number | null;
  readonly ranks: Ranks;
  /** The tokens that a token attends to, for `flopsPerToken`. */
  readonly context: number;
  /** Whether the model was trained at this size; otherwise it lies between trained ones. */
  readonly trained: boolean;
  /** By the keys of the metrics of the run's results; absent if it was not evaluated. */
  readonly values?: ModelEvaluation['values'];
}

export const addSlice: AddCommand = (program, context) => {
  withJson(program.command('slice <checkpoint>'))
    .description('write a size of a nested model as a model of its own: one that was trained, or any size between')
    .option('--size <share>', 'the largest size with at most this share of the linear parameters: 0.55, 55%', share)
    .option('--parameters <count>', 'the largest size with at most so many parameters: 3.1M', count)
    .option('--flops <count>', 'the largest size with at most so many FLOP per token: 6.2M', count)
    .option('--ranks <file>', 'the rank of every factored layer: JSON, by its name or its kind (q, k, v, …)')
    .option('--out <folder>', 'the folder to write (default: slice-<size>, next to the checkpoint)')
    .option('--evaluate', 'evaluate it as the run of the checkpoint evaluated its own models')
    .option('--dry-run', 'write no model: only say what the size has')
    .action(async (checkpoint: string, options: SliceOptions) => {
      const wanted = await wantedSize(options);
      const slice = await interruptible((work) =>
        withNested(checkpoint, (model) => makeSlice(model, wanted, options, context, work)),
      );
      if (slice === undefined) return;
      if (options.json) printJson(slice);
      else print(await inWords(slice));
    });
};

const share = (text: string): number => {
  const percent = /^([\d.]+)\s*%$/.exec(text.trim());
  const value = percent ? Number(percent[1]) / 100 : Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 1))
    throw new InvalidArgumentError('It must be a share above 0 and at most 1, such as 0.55 or 55%.');
  return value;
};

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, B: 1e9, G: 1e9, T: 1e12 };

const count = (text: string): number => {
  const [, digits = '', unit = ''] = /^([\d.,]+(?:e\d+)?)\s*([kmbgt]?)$/i.exec(text.trim()) ?? [];
  const value = digits === '' ? NaN : Number(digits.replaceAll(',', '')) * UNITS[unit.toUpperCase()]!;
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number, such as 3100000 or 3.1M.');
  return value;
};

/** @throws UserError `slice.which`, `slice.ranks`, `file.*` */
async function wantedSize({ size, parameters, flops, ranks }: SliceOptions): Promise<WantedSize> {
  const given = [
    ...(size === undefined ? [] : [{ unit: 'size', budget: size } as const]),
    ...(parameters === undefined ? [] : [{ unit: 'parameters', budget: parameters } as const]),
    ...(flops === undefined ? [] : [{ unit: 'flops', budget: flops } as const]),
    ...(ranks === undefined ? [] : [{ file: ranks }]),
  ];
  const [only, another] = given;
  if (!only || another)
    throw new UserError(
      'slice.which',
      only ? l10n.t('Two sizes are asked for.') : l10n.t('No size is asked for.'),
      l10n.t('Give one of --size, --parameters, --flops and --ranks. "winnow inspect" lists the sizes of a model.'),
    );
  return 'file' in only ? { ...only, table: await readTable(only.file) } : only;
}

const rankTable = z.record(z.string(), z.int().positive());

async function readTable(file: string): Promise<Readonly<Record<string, number>>> {
  const text = await readText(file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Refused below, like any other content.
  }
  const parsed = rankTable.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new UserError(
    'slice.ranks',
    where === '' ? l10n.t`${file} is not a table of ranks.` : l10n.t`${file}: "${where}" is not a rank.`,
    l10n.t('Write a JSON object with a whole number for every layer, such as {"q": 64, "down": 96}.'),
  );
}

async function makeSlice(
  model: NestedFolder,
  wanted: WantedSize,
  { out, evaluate = false, dryRun = false }: SliceOptions,
  { registry }: CliContext,
  work: ProgressOptions,
): Promise<Slice> {
  const { dir, config } = model;
  const run = runOf(dir);
  const facts = nestedFacts(config, await contextOf(run, dir))!;
  const ranks = ranksOfSize(config, facts, wanted);
  const cost = costOf(facts, ranks);
  const common = {
    checkpoint: path.resolve(dir),
    ...cost,
    ranks,
    context: facts.context,
    trained: trainedSize(facts, ranks) >= 0,
  };
  const folder = path.resolve(out ?? path.join(path.dirname(path.resolve(dir)), nameOf(wanted, cost)));
  const write = async (target: string, metrics: Readonly<Record<string, number>>) =>
    writeSlice(model, ranks, target, { ...(await stepOf(dir)), metrics: { ...sizeMetrics(cost), ...metrics } }, work);
  if (!evaluate) {
    const bytes = dryRun ? null : (await write(folder, {})).bytes;
    return { ...common, folder: dryRun ? null : folder, bytes };
  }
  if (run === undefined)
    throw new UserError(
      'slice.no-run',
      l10n.t`${dir} is not in the checkpoints of a run, which would say what to evaluate it on.`,
      l10n.t('Name the checkpoint in its run, or leave out --evaluate.'),
    );
  if (!dryRun) await requireFree(folder);
  // Evaluated from the disk, as stored, like the run's own models.
  const trial = await mkdtemp(path.join(os.tmpdir(), 'winnow-slice-'));
  try {
    const candidate = path.join(trial, path.basename(folder));
    await write(candidate, {});
    const signal = work.signal ?? new AbortController().signal;
    const { values, metrics } = await evaluateAsRun(run, registry, candidate, { signal });
    const bytes = dryRun ? null : (await write(folder, metrics)).bytes;
    return { ...common, folder: dryRun ? null : folder, bytes, values };
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

/** Before the evaluation, which takes longer. */
const requireFree = async (folder: string) =>
  (await import('../checkpoint/model-folder-writer')).requireFreeFolder(folder, 'slice.exists');

/** The run directory that a checkpoint belongs to. */
function runOf(checkpoint: string): string | undefined {
  const { path: folder, run } = lineageOf(checkpoint);
  return run === undefined ? undefined : path.dirname(path.dirname(folder));
}

/** The context that the run counts FLOP with, so that the numbers are those of its table. */
async function contextOf(run: string | undefined, checkpoint: string): Promise<number | undefined> {
  if (run === undefined) return undefined;
  const name = path.basename(path.resolve(checkpoint));
  const results = await readResults(run).catch((error: unknown) => {
    // Nothing but FLOP depends on the results.
    if (error instanceof UserError) return undefined;
    throw error;
  });
  return results?.points.find((point) => point.checkpoint === name)?.sizes?.context;
}

function nameOf(wanted: WantedSize, { linearShare }: SizeCost): string {
  const kept = 'unit' in wanted && wanted.unit === 'size' ? wanted.budget : linearShare;
  return `slice-${Number((100 * kept).toFixed(2))}pct`;
}

const sizeMetrics = ({ parameters, linear }: SizeCost) => ({ parameters, linearParameters: linear });

/** The training that the size was part of; a folder without `meta.json` says nothing of it. */
async function stepOf(dir: string): Promise<{ step: number; phase: string }> {
  const meta = await readMeta(dir).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });
  return { step: meta?.step ?? 0, phase: meta?.phase ?? path.basename(path.resolve(dir)) };
}

async function inWords(slice: Slice): Promise<string> {
  const { folder, bytes, ranks, trained, values, parameters, linearShare, flopsPerToken, context } = slice;
  const size = [
    `${formatCount(parameters)} parameters (${parameters.toLocaleString('en-US')})`,
    `${formatShare(linearShare)} of the linear parameters`,
    `ranks ${rankText(ranks)}`,
    ...(bytes === null ? [] : [formatBytes(bytes)]),
  ].join(', ');
  return [
    folder === null ? size : `${folder}: ${size}`,
    `${formatCount(flopsPerToken)} FLOP per token that attends to ${context} others`,
    trained ? 'The model was trained at this size.' : 'The model was not trained at this size, but at sizes around it.',
    ...(values ? await evaluated(slice.checkpoint, values) : []),
  ].join('\n');
}

/** `perplexity 42.31`, with the names and formats of the run's table. */
async function evaluated(checkpoint: string, values: ModelEvaluation['values']): Promise<string[]> {
  const results = await readResults(runOf(checkpoint)!);
  const metrics = results?.metrics ?? [];
  return metrics
    .filter(({ key, role }) => role === 'quality' && values[key] !== undefined)
    .map(({ key, label, format = { as: 'count' } }) => `${label}: ${formatAs(values[key]!, format)}`);
}
