import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { openSafetensorsFile } from '../checkpoint/safetensors';
import { float32Tensor, writeSafetensors } from '../checkpoint/safetensors-writer';
import type { HostTensor } from '../engine/host';
import { f32, floats } from '../engine/host';
import type { Moments, Named } from '../engine/optimizer';
import { messageOf, systemCode, UserError } from '../errors';

const OPTIMIZER_FILE = 'optimizer.safetensors';
export const META_FILE = 'meta.json';

/** `meta.json` of every checkpoint: what it is and where it comes from. */
export const CheckpointMeta = z.looseObject({
  /** What the checkpoint is: a model to use, or a state to continue training from. */
  kind: z.enum(['model', 'training']),
  /** Optimizer steps done in the phase that wrote it. */
  step: z.int().nonnegative(),
  /** The phase of the run that wrote it. */
  phase: z.string(),
  /** Fingerprint of the checkpoint that this one was made from; absent for a model trained from nothing. */
  parent: z.string().optional(),
  metrics: z.record(z.string(), z.number()).default({}),
});
export type CheckpointMeta = z.infer<typeof CheckpointMeta>;

/** Reads `meta.json` of a checkpoint; undefined where there is no such checkpoint. */
export async function readMeta(dir: string): Promise<CheckpointMeta | undefined> {
  const file = path.join(dir, META_FILE);
  try {
    return CheckpointMeta.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new UserError(
      'checkpoint.bad-meta',
      `${file} is not the description of a checkpoint: ${messageOf(error)}.`,
      'Delete the checkpoint folder; the run continues from the one before.',
      { cause: error },
    );
  }
}

/** What training needs beside the weights to continue. */
export interface TrainingState {
  readonly moments: Moments<HostTensor>;
  /** The moving average of the weights; undefined without one. */
  readonly average: Named<HostTensor> | undefined;
}

/** Writes AdamW's moments, and the moving average of the weights, beside the weights of a checkpoint. */
export async function writeTrainingState(dir: string, { moments, average }: TrainingState): Promise<void> {
  const tensors = [...named('m', moments.m), ...named('v', moments.v), ...named('average', average ?? {})];
  await writeSafetensors(
    path.join(dir, OPTIMIZER_FILE),
    tensors.map(([name, tensor]) => float32Tensor(name, tensor.shape, floats(tensor))),
  );
}

const named = (part: 'm' | 'v' | 'average', tensors: Named<HostTensor>): [string, HostTensor][] =>
  Object.entries(tensors).map(([name, tensor]) => [`${part}.${name}`, tensor]);

/** Reads what `writeTrainingState` wrote of the named parameters. */
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
    };
  } finally {
    await file.close();
  }
}

/** Where a training stands: its parameters, and what the trainer continues from. */
export interface Resumed {
  readonly parameters: Named<HostTensor>;
  readonly from: TrainingState & { readonly step: number };
}

/**
 * What a checkpoint holds of a training that was cut; undefined where there is none, or it is of another phase.
 * @param parameters those that are trained
 * @param load all parameters of the checkpoint
 */
export async function resumeTraining(
  dir: string,
  phase: string,
  parameters: Named<HostTensor>,
  load: (dir: string) => Promise<{ readonly parameters: Named<HostTensor> }>,
): Promise<Resumed | undefined> {
  const meta = await readMeta(dir);
  if (meta?.phase !== phase) return undefined;
  const saved = (await load(dir)).parameters;
  const own = Object.fromEntries(Object.keys(parameters).map((name) => [name, saved[name]!]));
  return { parameters: own, from: { step: meta.step, ...(await readTrainingState(dir, own)) } };
}
