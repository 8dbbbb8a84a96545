import type { LinearLayer } from '../../../models/decoder/layout';
import type { PlrdConfig } from '../config';
import type { Ranks, Size } from './ranks';
import { energyRanks, evenRanks, notAbove } from './ranks';
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

export interface AllocationOptions {
  readonly allocation: PlrdConfig['allocation'];
  readonly multiple: number;
  /** The sizes are parts of one model: a layer is factored in all of them or in none. */
  readonly nested?: boolean;
}

/**
 * The ranks of members of the given sizes, largest first, each layer's rank never above that of the size before: so every
 * member is part of the one before it.
 * @param current ranks of the model to decompose
 * @throws UserError `plrd.target-too-small`
 */
export function familyRanks(
  evidence: Evidence,
  current: Ranks,
  layers: readonly LinearLayer[],
  sizes: readonly Size[],
  { allocation, multiple, nested = false }: AllocationOptions,
): Ranks[] {
  const { spectra, energy, sensitivities = [] } = evidence;
  const full = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const tables: Ranks[] = [];
  // Whether a layer may be full in a size; only measured ranks leave the choice.
  let mayBeFull: (name: string) => 'yes' | 'no' | 'always' = () => 'yes';
  const smallest = sizes.at(-1);
  if (nested && allocation === 'sensitivity' && smallest) {
    // A layer that the smallest size keeps is kept by all; the others are factored in all, below the rank that saves nothing.
    const [last] = familyRanks(evidence, current, layers, [smallest], { allocation, multiple });
    mayBeFull = (name) => (last![name] === undefined ? 'always' : 'no');
  }
  for (const size of sizes) {
    const before = tables.at(-1) ?? current;
    const budget = size.ratio * full;
    if (allocation === 'uniform') tables.push(notAbove(evenRanks(layers, size, multiple), before));
    else if (allocation === 'energy')
      tables.push(notAbove(energyRanks(layers, spectra!, budget, multiple, energy), before));
    else {
      const possible = sensitivities.map((sensitivity) => {
        const { layer, sizes: all } = sizesOf(sensitivity, before[sensitivity.layer.name], multiple);
        const rule = mayBeFull(layer.name);
        if (rule === 'yes') return { layer, sizes: all };
        return { layer, sizes: all.filter(({ rank }) => (rank === undefined) === (rule === 'always')) };
      });
      tables.push(allocateRanks(possible, budget));
    }
  }
  return tables;
}
