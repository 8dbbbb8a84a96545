import { availableParallelism } from 'node:os';
import * as l10n from '@vscode/l10n';
import type { DeviceMemory } from '../../engine/devices/memory';
import { UserError } from '../../errors';
import { formatBytes } from '../../protocol/format';
import { afterwards, memoryProblem, type MemoryChange, type PlannedMemory } from '../planned-memory';
import { TrainingConfig } from '../../training/config';
import type { Plan } from '../method';
import type { Spec } from '../spec/spec';

/**
 * Estimates are between these times what was measured: ONNX Runtime's allocator leaves gaps, and operators need a little inside.
 * `test/integration/engine/memory.test.ts` holds them to it.
 */
const LEAST_ERROR = 0.8;
const MOST_ERROR = 1.15;

/** A run's spec, as far as its memory depends on it. */
type Planned = Pick<Spec, 'method' | 'resolved' | 'baseDir'>;

/** The memory that a run needs, for other settings of its training as well. */
interface Estimate {
  readonly training: TrainingConfig;
  /** Bytes. */
  readonly needed: (training: TrainingConfig) => number;
}

/** @returns undefined if it is not known: for the user's own programs, and where steps are not compiled */
async function estimateOf({ method, resolved, baseDir }: Planned): Promise<Estimate | undefined> {
  const { provider, threads, auto, precision } = resolved.device;
  if (!method.memory || provider === 'tensorflow') return undefined;
  const device = { provider, threads: auto ? availableParallelism() : threads, precision };
  const config = method.config.parse(resolved.config);
  const training = TrainingConfig.parse((config as { readonly training: unknown }).training);
  return { training, needed: await method.memory(config, { baseDir }, device) };
}

/** The memory that a run needs, without regard to what there is. */
export async function plannedMemory(spec: Planned): Promise<Pick<Plan, 'memory'>> {
  if (spec.method.ownProgram) return {};
  const { provider } = spec.resolved.device;
  const estimate = await estimateOf(spec);
  return { memory: { provider, ...(estimate && { needed: estimate.needed(estimate.training) }) } };
}

/** The same, compared with the memory of this machine's device. */
export async function comparedMemory(spec: Planned, device?: DeviceMemory): Promise<Pick<Plan, 'memory'>> {
  if (spec.method.ownProgram) return {};
  const { provider } = spec.resolved.device;
  const estimate = await estimateOf(spec);
  const { deviceMemory } = await import('../../engine/devices/memory');
  const known = device ?? (await deviceMemory(provider));
  if (!estimate) return { memory: { provider, ...(known && { free: known.free }) } };
  const needed = estimate.needed(estimate.training);
  if (!known) return { memory: { provider, needed } };
  const fits = fitOf(needed, known);
  const instead = fits === 'yes' ? [] : smaller(estimate, known.free);
  return { memory: { provider, needed, free: known.free, fits, ...(instead.length > 0 && { instead }) } };
}

function fitOf(needed: number, { free, most }: DeviceMemory): NonNullable<PlannedMemory['fits']> {
  if (most !== undefined && needed / MOST_ERROR > most) return 'never';
  if (needed > free) return 'no';
  return isSafe(needed, free) ? 'yes' : 'barely';
}

const isSafe = (needed: number, free: number): boolean => needed / LEAST_ERROR <= free;

/**
 * Settings that train on as many samples in a step with less memory, and that fit: the largest batch with as many micro-batches as keep the batch of
 * a step, recomputation at the same batch, or both.
 */
export function smaller({ training, needed }: Estimate, free: number): MemoryChange[] {
  const { batchSize, accumulate, checkpointActivations } = training;
  const whole = batchSize * accumulate;
  const sizes = Array.from({ length: batchSize }, (_, i) => batchSize - i).filter((size) => whole % size === 0);
  /** The largest batch that fits; memory grows with the batch. */
  const largest = (
    change: Partial<Pick<TrainingConfig, 'checkpointActivations'>>,
    from: number,
  ): MemoryChange | undefined => {
    let [low, high] = [from, sizes.length];
    let found: MemoryChange | undefined;
    while (low < high) {
      const middle = (low + high) >> 1;
      const size = sizes[middle]!;
      const batch = size === batchSize ? {} : { batchSize: size, accumulate: whole / size };
      const bytes = needed({ ...training, ...change, ...batch });
      if (isSafe(bytes, free)) {
        found = { training: { ...batch, ...change }, needed: bytes };
        high = middle;
      } else low = middle + 1;
    }
    return found;
  };
  const split = largest({}, 1);
  const recomputed = checkpointActivations ? undefined : largest({ checkpointActivations: true }, 0);
  // A smaller batch and recomputation together are of use only where neither is enough.
  const isBoth = recomputed?.training.batchSize !== undefined;
  return [split, isBoth && split ? undefined : recomputed].filter((change) => change !== undefined);
}

/** @throws UserError `training.memory` if the run certainly needs more memory than the device has */
export async function requireMemory(spec: Planned): Promise<void> {
  const { memory } = await comparedMemory(spec);
  if (memory?.fits !== 'never') return;
  const { message, fixes } = memoryProblem(memory)!;
  throw new UserError('training.memory', message, '', { fixes });
}

/**
 * What to do after the memory of a run's device has run out: who else uses the device, and settings with which a new run would
 * fit. A run keeps its settings.
 */
export async function afterOutOfMemory(spec: Planned): Promise<string> {
  const { provider } = spec.resolved.device;
  const { deviceMemory } = await import('../../engine/devices/memory');
  const [estimate, known, others] = await Promise.all([
    estimateOf(spec),
    deviceMemory(provider),
    provider === 'cuda' ? otherUsers() : '',
  ]);
  const needed = estimate?.needed(estimate.training) ?? 0;
  // What was not enough is no choice, whatever the estimate says.
  const instead = estimate ? smaller(estimate, Math.min(known?.free ?? needed, needed)) : [];
  return [others, afterwards(instead)].filter(Boolean).join(' ');
}

/** Other processes on the GPU that CUDA computes on. */
async function otherUsers(): Promise<string> {
  const [{ nvidiaGpus }, { chosen }] = await Promise.all([
    import('../../engine/devices/nvidia'),
    import('../../engine/devices/memory'),
  ]);
  const processes = chosen((await nvidiaGpus()).gpus)?.processes.filter(({ pid }) => pid !== process.pid) ?? [];
  const names = processes.map(
    ({ name, pid, memory }) => `${name} (${pid}${memory === undefined ? '' : `, ${formatBytes(memory)}`})`,
  );
  return names.length === 0 ? '' : l10n.t`The GPU is also used by ${names.join(', ')}.`;
}
