import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Provider } from '../runtime/runtime';
import { graphicsCards } from './graphics';
import { nvidiaGpus, type NvidiaGpu } from './nvidia';

/** The memory of what a provider computes on, bytes. */
export interface DeviceMemory {
  readonly free: number;
  /** The most that it could ever give, when nothing else uses it; absent if the system may add to it. */
  readonly most?: number;
}

/**
 * The memory of the device that a run on a provider would use.
 * @returns undefined if it is not known
 */
export async function deviceMemory(provider: Provider, nvidia = nvidiaGpus): Promise<DeviceMemory | undefined> {
  switch (provider) {
    case 'cpu':
    case 'coreml':
      return mainMemory();
    case 'webgpu': {
      // Apple's GPUs have no memory of their own.
      if (process.platform === 'darwin') return mainMemory();
      const { gpus } = await nvidia();
      if (gpus.length !== 1) return undefined;
      // Which of several cards WebGPU has chosen, it does not say.
      return (await graphicsCards()).length === 1 ? memoryOf(gpus[0]) : undefined;
    }
    case 'cuda':
      return memoryOf(chosen((await nvidia()).gpus));
    case 'dml':
    case 'tensorflow':
      return undefined;
  }
}

/** The GPU that CUDA computes on; undefined if CUDA is told by other names than numbers. */
export function chosen(
  gpus: readonly NvidiaGpu[],
  visible: string | undefined = process.env.CUDA_VISIBLE_DEVICES,
): NvidiaGpu | undefined {
  const [first = ''] = (visible ?? '').split(',');
  if (visible !== undefined && !/^\s*\d+\s*$/.test(first)) return undefined;
  return gpus.find(({ index }) => index === Number(first));
}

const memoryOf = (gpu: NvidiaGpu | undefined): DeviceMemory | undefined =>
  gpu?.memory && { free: gpu.memory.free, most: gpu.memory.total };

/** Main memory, as far as this process may use it (a job of a cluster often has less than the machine). */
function mainMemory(): DeviceMemory {
  // 0, or more than there is, where there is no limit.
  const limit = process.constrainedMemory();
  const total = totalmem();
  const isLimited = limit > 0 && limit < total;
  const free = process.availableMemory();
  const swap = swapBytes();
  if (isLimited) return { free, most: limit + (swap ?? 0) };
  return { free, ...(swap !== undefined && { most: total + swap }) };
}

/** Swap space on Linux, bytes; other systems make more of it when they need it. */
function swapBytes(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const found = /^SwapTotal:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return found ? 1024 * Number(found[1]) : undefined;
}
