import { gramBytes } from '../../../models/decoder/gram-memory';
import type { LinearLayer } from '../../../models/decoder/layout';

/** Gram matrices that are in memory at a time. A larger model is run on the text several times, for some blocks each time. */
export const GRAM_LIMIT = 2 ** 31;

/** Layers in runs of whole blocks whose Gram matrices fit into the limit together; at least one block in each. */
export function calibrationGroups(
  layers: readonly LinearLayer[],
  gradients: boolean,
  limit = GRAM_LIMIT,
): (readonly LinearLayer[])[] {
  const groups: LinearLayer[][] = [];
  for (const block of new Set(layers.map(({ layer }) => layer))) {
    const own = layers.filter(({ layer }) => layer === block);
    const last = groups.at(-1);
    if (last && gramBytes([...last, ...own], gradients) <= limit) last.push(...own);
    else groups.push(own);
  }
  return groups;
}
