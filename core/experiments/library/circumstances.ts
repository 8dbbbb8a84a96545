import { availableParallelism } from 'node:os';
import type { ResolvedSpec } from '../spec/spec';

/** The device and seed of a run, where they differ from the defaults. */
export function circumstances({ device, seed }: Pick<ResolvedSpec, 'device' | 'seed'>): [string, unknown][] {
  return [
    ...(device.provider === 'cpu' ? [] : [['device.provider', device.provider] as [string, unknown]]),
    ...(device.auto || device.threads === availableParallelism()
      ? []
      : [['device.threads', device.threads] as [string, unknown]]),
    ...(device.tf32 === undefined ? [] : [['device.tf32', device.tf32] as [string, unknown]]),
    ...(device.precision ? [['device.precision', device.precision] as [string, unknown]] : []),
    ...(seed === 0 ? [] : [['seed', seed] as [string, unknown]]),
  ];
}
