import type { HostTensor, HostTree } from '../host';
import { flatten, isHostTensor } from '../host';
import { isJoined, matricesFirst } from '../ops/together';

/** Tensors of a state that share one buffer, by their paths, in order. */
export type Pack = readonly (readonly [path: string, tensor: HostTensor])[];

/**
 * Which tensors of a state share a buffer: the small ones of one record. Three hundred small buffers take longer to be handed over
 * than a few large ones, and an optimizer changes each buffer at once.
 */
export function packsOf(state: HostTree): Pack[] {
  const packs = new Map<string, (readonly [string, HostTensor])[]>();
  for (const [path, tensor] of flatten(state, isHostTensor)) {
    if (tensor.dtype !== 'float32' || !isJoined(tensor.shape)) continue;
    const record = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    packs.set(record, [...(packs.get(record) ?? []), [path, tensor]]);
  }
  return [...packs.values()]
    .filter((pack) => pack.length > 1)
    .map((pack) => matricesFirst(pack, ([, { shape }]) => shape));
}
