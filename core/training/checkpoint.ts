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

/** Writes AdamW's moments beside the weights of a checkpoint. */
export async function writeMoments(dir: string, { m, v }: Moments<HostTensor>): Promise<void> {
  const tensors = [...named('m', m), ...named('v', v)];
  await writeSafetensors(
    path.join(dir, OPTIMIZER_FILE),
    tensors.map(([name, tensor]) => float32Tensor(name, tensor.shape, floats(tensor))),
  );
}

const named = (moment: 'm' | 'v', tensors: Named<HostTensor>): [string, HostTensor][] =>
  Object.entries(tensors).map(([name, tensor]) => [`${moment}.${name}`, tensor]);

/** Reads the moments of the named parameters. */
export async function readMoments(dir: string, parameters: Named<HostTensor>): Promise<Moments<HostTensor>> {
  const file = await openSafetensorsFile(path.join(dir, OPTIMIZER_FILE));
  try {
    const read = async (moment: string) => {
      const tensors: Record<string, HostTensor> = {};
      for (const [name, { shape }] of Object.entries(parameters))
        tensors[name] = f32(shape, await file.readFloat32(`${moment}.${name}`));
      return tensors;
    };
    return { m: await read('m'), v: await read('v') };
  } finally {
    await file.close();
  }
}
