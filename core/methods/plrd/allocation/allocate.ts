import type { LinearLayer } from '../../../models/decoder/layout';
import type { PlrdConfig } from '../config';
import type { Ranks, Size } from '../ranks';
import { energyRanks, evenRanks, notAbove } from '../ranks';
import type { Sensitivity } from './sensitivity';
import { allocateRanks } from './hull';
import { sizesOf } from './sensitivity';

/** What an allocation goes by: nothing for 'uniform'. */
export interface Evidence {
  /** Singular values of each layer, in the norm of its decomposition, by name: for 'energy'. */
  readonly spectra?: ReadonlyMap<string, Float64Array>;
  /** Whether the energies of different layers can be compared; if not, each is taken as a share of its layer's. */
  readonly energy?: 'relative' | 'absolute';
  /** For 'sensitivity'. */
  readonly sensitivities?: readonly Sensitivity[];
}

/**
 * The ranks of members of the given sizes, largest first, each layer's rank never above that of the size before: so every
 * member is part of the one before it.
 * @param current ranks of the model to decompose
 * @throws UserError `plrd.target-too-small`
 */
export function familyRanks(
  { spectra, energy, sensitivities }: Evidence,
  current: Ranks,
  layers: readonly LinearLayer[],
  sizes: readonly Size[],
  { allocation, multiple }: { readonly allocation: PlrdConfig['allocation']; readonly multiple: number },
): Ranks[] {
  const full = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const tables: Ranks[] = [];
  for (const size of sizes) {
    const before = tables.at(-1) ?? current;
    const budget = size.ratio * full;
    if (allocation === 'uniform') tables.push(notAbove(evenRanks(layers, size, multiple), before));
    else if (allocation === 'energy')
      tables.push(notAbove(energyRanks(layers, spectra!, budget, multiple, energy), before));
    else
      tables.push(
        allocateRanks(
          sensitivities!.map((layer) => sizesOf(layer, before[layer.layer.name], multiple)),
          budget,
        ),
      );
  }
  return tables;
}
