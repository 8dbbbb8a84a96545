import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { checksumOf, differenceFrom, sealed, unseal, type FileChecksum } from '../checksum';
import { openSafetensorsFile } from './safetensors';
import { float32Tensor, writeSafetensors } from './safetensors-writer';
import type { HostTensor } from '../engine/host';
import { f32, floats } from '../engine/host';
import type { LossScale } from '../engine/loss-scale';
import type { Moments, Named } from '../engine/optimizer';
import { messageOf, systemCode, UserError } from '../errors';
import { writeFileAtomic } from '../files';

const OPTIMIZER_FILE = 'optimizer.safetensors';
export const META_FILE = 'meta.json';

const fileChecksum = z.object({ bytes: z.int().nonnegative(), crc32: z.string() });

/** `meta.json` of every checkpoint: what it is and where it comes from. */
export const CheckpointMeta = z.looseObject({
  /** What the checkpoint is: a model to use, or a state to continue training from. */
  kind: z.enum(['model', 'training']),
  /** Optimizer steps completed in the phase that wrote it. */
  step: z.int().nonnegative(),
  /** The phase of the run that wrote it. */
  phase: z.string(),
  /** Fingerprint of the checkpoint that this one was made from; absent for a model trained from scratch. */
  parent: z.string().optional(),
  metrics: z.record(z.string(), z.number()).default({}),
  /** The other files of the folder when it was written; absent in checkpoints from before there were checksums. */
  files: z.record(z.string(), fileChecksum).optional(),
});
export type CheckpointMeta = z.infer<typeof CheckpointMeta>;

/** Writes `meta.json` with the checksums of all files in the folder, and of itself. Must be called last. */
export async function writeMeta(dir: string, meta: Omit<CheckpointMeta, 'files'>): Promise<void> {
  const files: Record<string, FileChecksum> = {};
  const entries = await readdir(dir, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isFile() && entry.name !== META_FILE))
    files[name] = await checksumOf(path.join(dir, name));
  await writeFileAtomic(path.join(dir, META_FILE), sealed({ ...meta, files }));
}

/** Reads `meta.json` of a checkpoint; undefined if there is no such folder. @throws UserError `checkpoint.damaged` */
export async function readMeta(dir: string): Promise<CheckpointMeta | undefined> {
  const file = path.join(dir, META_FILE);
  try {
    return CheckpointMeta.parse(unseal(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      if (!existsSync(dir)) return undefined;
      throw damaged(l10n.t`${file} is missing`, dir, error);
    }
    throw damaged(l10n.t`${file} is not the description of a checkpoint: ${oneLine(error)}`, dir, error);
  }
}

/**
 * Reads all files of a checkpoint once.
 * @throws UserError `checkpoint.damaged` if one is not as it was written
 */
export async function requireIntact(dir: string, { files = {} }: Pick<CheckpointMeta, 'files'>): Promise<void> {
  for (const [name, expected] of Object.entries(files)) {
    const part = path.join(dir, name);
    const difference = await differenceFrom(expected, part).catch((error: unknown) =>
      systemCode(error) === 'ENOENT' ? l10n.t('is missing') : l10n.t`cannot be read: ${oneLine(error)}`,
    );
    if (difference !== undefined) throw damaged(`${part} ${difference}`, dir);
  }
}

/** @param what names the file and says what is wrong with it */
export const damaged = (what: string, dir: string, cause?: unknown): UserError =>
  new UserError(
    'checkpoint.damaged',
    l10n.t`${what}: the checkpoint was damaged after it was written.`,
    l10n.t`Restore ${dir} from a copy, or run it again with "winnow rerun".`,
    { cause },
  );

/** Zod's messages have many lines. */
const oneLine = (error: unknown): string =>
  error instanceof z.ZodError
    ? error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
    : messageOf(error);

/** What training needs in addition to the weights to continue. */
export interface TrainingState {
  readonly moments: Moments<HostTensor>;
  /** The moving average of the weights; undefined if there is none. */
  readonly average: Named<HostTensor> | undefined;
  /** The factor of the loss, of a training in float16. */
  readonly lossScale?: LossScale | undefined;
}

/** The numbers of a `LossScale`, as a tensor: all are integers that float32 has. */
const LOSS_SCALE = 'lossScale';

/** Writes AdamW's moments, and the moving average of the weights, beside the weights of a checkpoint. */
export async function writeTrainingState(dir: string, { moments, average, lossScale }: TrainingState): Promise<void> {
  const tensors: [string, HostTensor][] = [
    ...named('m', moments.m),
    ...named('v', moments.v),
    ...named('average', average ?? {}),
  ];
  if (lossScale) tensors.push([LOSS_SCALE, f32([3], [lossScale.scale, lossScale.steady, lossScale.skipped])]);
  await writeSafetensors(
    path.join(dir, OPTIMIZER_FILE),
    tensors.map(([name, tensor]) => float32Tensor(name, tensor.shape, floats(tensor))),
  );
}

const named = (part: 'm' | 'v' | 'average', tensors: Named<HostTensor>): [string, HostTensor][] =>
  Object.entries(tensors).map(([name, tensor]) => [`${part}.${name}`, tensor]);

const lossScaleIn = ([scale, steady, skipped]: Float32Array): LossScale => ({
  scale: scale!,
  steady: steady!,
  skipped: skipped!,
});

/** Reads what `writeTrainingState` wrote for the given parameters. */
export async function readTrainingState(dir: string, parameters: Named<HostTensor>): Promise<TrainingState> {
  const file = await openSafetensorsFile(path.join(dir, OPTIMIZER_FILE));
  try {
    const read = async (part: string) => {
      const tensors: Record<string, HostTensor> = {};
      for (const [name, { shape }] of Object.entries(parameters))
        tensors[name] = f32(shape, await file.readFloat32(`${part}.${name}`));
      return tensors;
    };
    const hasAverage = Object.keys(parameters).some((name) => file.tensors.has(`average.${name}`));
    return {
      moments: { m: await read('m'), v: await read('v') },
      average: hasAverage ? await read('average') : undefined,
      lossScale: file.tensors.has(LOSS_SCALE) ? lossScaleIn(await file.readFloat32(LOSS_SCALE)) : undefined,
    };
  } finally {
    await file.close();
  }
}

/**
 * Where the checkpoint before is kept, in case the newer one turns out to be damaged. Hidden, because it is not a
 * result. It is deleted before the next one is written, so that there are never more than two on disk.
 */
export const previousOf = (dir: string): string => path.join(path.dirname(dir), `.previous-${path.basename(dir)}`);
