import path from 'node:path';
import { openSafetensorsFile } from '../../../checkpoint/safetensors';
import { float32Tensor, writeSafetensors } from '../../../checkpoint/safetensors-writer';
import type { EpochPlan, SamplerState } from './sampler';

/** In a checkpoint to resume from, next to the weights: which samples are selected, and what is known about each. */
const SAMPLER_FILE = 'sampler.safetensors';

/** The state needed to resume in the middle of an epoch. */
export interface SavedSampler {
  readonly state: SamplerState;
  /** The plan of the current epoch, if it has begun. */
  readonly plan: Omit<EpochPlan, 'record'> | undefined;
}

/** @param size number of training samples */
export async function writeSampler(folder: string, size: number, { state, plan }: SavedSampler): Promise<void> {
  const arrays: Record<string, Float32Array | Uint8Array> = {};
  for (const [name, values] of Object.entries(state)) arrays[`state.${name}`] = values;
  if (plan) {
    const chosen = new Uint8Array(size);
    for (const sample of plan.samples) chosen[sample] = 1;
    arrays['plan.samples'] = chosen;
    if (plan.weights) arrays['plan.weights'] = plan.weights;
  }
  await writeSafetensors(
    path.join(folder, SAMPLER_FILE),
    Object.entries(arrays).map(([name, values]) =>
      values instanceof Float32Array
        ? float32Tensor(name, [values.length], values)
        : { name, dtype: 'U8', shape: [values.length], data: values },
    ),
  );
}

export async function readSampler(folder: string): Promise<SavedSampler> {
  const file = await openSafetensorsFile(path.join(folder, SAMPLER_FILE));
  try {
    const arrays = new Map<string, Float32Array | Uint8Array>();
    for (const [name, { dtype }] of file.tensors) {
      const values = await file.readFloat32(name);
      arrays.set(name, dtype === 'U8' ? Uint8Array.from(values) : values);
    }
    const state = Object.fromEntries(
      [...arrays].flatMap(([name, values]) =>
        name.startsWith('state.') ? [[name.slice('state.'.length), values] as const] : [],
      ),
    );
    const chosen = arrays.get('plan.samples');
    if (!(chosen instanceof Uint8Array)) return { state, plan: undefined };
    const samples = new Uint32Array(chosen.reduce((sum, one) => sum + one, 0));
    let at = 0;
    chosen.forEach((one, sample) => {
      if (one === 1) samples[at++] = sample;
    });
    const weights = arrays.get('plan.weights');
    return { state, plan: { samples, ...(weights instanceof Float32Array && { weights }) } };
  } finally {
    await file.close();
  }
}
