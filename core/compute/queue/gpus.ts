import { nvidiaGpus, type NvidiaGpu } from '../../engine/devices/nvidia';
import type { Provider } from '../../engine/runtime/runtime';
import type { Pool, QueueGpu } from '../../workers/queue/state';

/** The GPUs of NVIDIA on this machine. Empty if there are none, or `nvidia-smi` does not list them. */
export const queueGpus = async (): Promise<QueueGpu[]> =>
  (await nvidiaGpus()).gpus.map((gpu) => ({ id: idOf(gpu), name: `${gpu.name} (${gpu.index})` }));

/** Embedded GPUs have no id of their own. Indices of several cards can mean others to CUDA than to `nvidia-smi`. */
export const idOf = ({ uuid, index }: Pick<NvidiaGpu, 'uuid' | 'index'>): string =>
  /^(GPU|MIG)-/.test(uuid) ? uuid : String(index);

/** What runs on a provider share. @param gpus of NVIDIA on this machine */
export function poolOf(provider: Provider, gpus: readonly QueueGpu[]): Pool {
  switch (provider) {
    case 'cpu':
      return 'cpu';
    case 'cuda':
      return 'nvidia';
    // Without a GPU, TensorFlow computes on the CPU.
    case 'tensorflow':
      return gpus.length > 0 ? 'nvidia' : 'cpu';
    default:
      return 'gpu';
  }
}

/**
 * The GPUs that a user allows programs of CUDA to use.
 * @param visible `CUDA_VISIBLE_DEVICES`: indices, or the beginnings of ids
 * @returns undefined for all of them; what is not known is passed on as it is
 */
export function allowedGpus(visible: string | undefined, gpus: readonly QueueGpu[]): string[] | undefined {
  if (visible === undefined || visible.trim() === '') return undefined;
  return visible
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((one) => (/^\d+$/.test(one) ? gpus[Number(one)]?.id : gpus.find(({ id }) => id.startsWith(one))?.id) ?? one);
}
