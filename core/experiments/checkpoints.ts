import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { openModelFolder } from '../checkpoint/model-folder';
import { openSafetensorsFile } from '../checkpoint/safetensors';
import { summarize } from '../checkpoint/summary';
import * as z from 'zod';
import { formatBytes, formatCount, formatNumber } from '../protocol/format';
import { headline, shortMetric } from '../protocol/runs';
import { readCheckpoints } from './store';

/** The parts of `meta.json` that every writer has. */
const meta = z.looseObject({
  kind: z.string().optional(),
  step: z.number().optional(),
  /** The files of a program that keeps its checkpoints elsewhere. */
  source: z.string().optional(),
  metrics: z.record(z.string(), z.number()).optional(),
});

/** What a checkpoint's writer says of it; nothing where there is no `meta.json` that can be read. */
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
  /** `model`, `training`, …; what its writer says. */
  readonly kind: string;
  readonly step: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  /** Whether the files are gone. */
  readonly missing: boolean;
}

/** The checkpoints of a run directory, in the order of their names. */
export async function listCheckpoints(runDir: string): Promise<CheckpointRow[]> {
  const found = await readCheckpoints(path.join(runDir, 'checkpoints'));
  return Promise.all(
    found.map(async ({ name, dir, meta: content }) => {
      const parsed = meta.safeParse(content);
      const { kind = 'model', step = null, source, metrics = {} } = parsed.success ? parsed.data : {};
      const target = source === undefined ? dir : path.resolve(dir, source);
      const missing = await stat(target).then(
        () => false,
        () => true,
      );
      return { name, path: target, kind, step: step ?? null, metrics, missing };
    }),
  );
}

/**
 * `4.65M · ranks 72–152 · ppl 37.96`: size and ranks from the headers, and the metric that says most.
 * @returns the kind and the metric alone where the headers cannot be read
 */
export async function describeCheckpoint(
  checkpoint: Pick<CheckpointRow, 'path' | 'kind' | 'metrics'>,
): Promise<string> {
  const best = headline(checkpoint.metrics);
  const words = [
    ...(checkpoint.kind === 'training' ? ['to resume from'] : []),
    ...(await describeModel(checkpoint.path)),
    ...(best ? [`${shortMetric(best.name)} ${formatNumber(best.value)}`] : []),
  ];
  return words.join(' · ');
}

/** Size and ranks of a model folder or file, from its headers. */
export async function describeModel(target: string): Promise<string[]> {
  try {
    const folder = (await stat(target)).isDirectory();
    const model = folder ? await openModelFolder(target) : await openSafetensorsFile(target);
    try {
      const { parameters, bytes, factored } = summarize(model);
      const ranks = factored.map(({ rank }) => rank);
      const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
      const range = least === most ? `rank ${least}` : `ranks ${least}–${most}`;
      return [formatCount(parameters), ...(ranks.length > 0 ? [range] : [formatBytes(bytes)])];
    } finally {
      await model.close();
    }
  } catch {
    return [];
  }
}
