import { factorTruncated, refactor } from '../../../engine/linalg/factor';
import type { LinalgOptions } from '../../../engine/linalg/matrix';
import { cutFactors, type OrderedFactors, type Weight } from '../../../engine/linalg/weighted';
import type { HostTensor } from '../../../engine/host';
import { f32, floats } from '../../../engine/host';
import type { Named } from '../../../engine/optimizer';
import type { LinearLayer } from '../../../models/decoder/layout';
import { factorNames, fullName } from '../../../models/decoder/layout';
import type { PlrdConfig } from '../config';
import type { Ranks } from '../allocation/ranks';

/** A layer of a model, full or factored. */
export function weightOf(parameters: Named<HostTensor>, name: string): Weight {
  const full = parameters[fullName(name)];
  if (full) return f32(full.shape, floats(full));
  const names = factorNames(name);
  const [u, v] = [parameters[names.u], parameters[names.v]];
  if (!u || !v) throw new Error(`layer ${name} is neither full nor factored`);
  return { u: f32(u.shape, floats(u)), v: f32(v.shape, floats(v)) };
}

export interface Decomposition {
  /** All tensors of the smaller model; tensors that were not decomposed are shared with the larger one. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
  /** Ranks of all factored layers, including those of earlier steps. */
  readonly ranks: Ranks;
  /** Root mean square over the decomposed layers of ‖W − W'‖ / ‖W‖ (Frobenius). */
  readonly error: number;
}

export interface DecomposeOptions extends LinalgOptions {
  /** Called after each layer with the number of layers done. */
  readonly onLayer?: (done: number) => void;
  /** Visits the layers, in order, with their factors in a weighted norm, of at least the ranks; the plain norm if absent. */
  readonly weighted?: (visit: (layer: LinearLayer, ordered: OrderedFactors) => Promise<void>) => Promise<void>;
  /** See `Decomposer.decompose`; unweighted factors are both. */
  readonly order?: 'balanced' | 'nested';
}

/**
 * One step of progressive low-rank decomposition (Section 1 of methods: steps 2 and 3 of the algorithm). A full layer
 * W ≈ U S Vᵀ becomes W₀ W₁ with the singular values split evenly. A factored layer is decomposed again and folded, so
 * that it remains two factors: 'paper' decomposes W₁ alone, 'exact' the product W₀ W₁ by QR and a small SVD.
 */
export async function decompose(
  parameters: Named<HostTensor>,
  current: Ranks,
  layers: readonly LinearLayer[],
  ranks: Ranks,
  variant: PlrdConfig['variant'],
  { onLayer, weighted, order = 'balanced', ...options }: DecomposeOptions = {},
): Promise<Decomposition> {
  const next: Record<string, HostTensor<'float32'>> = {};
  const replaced = new Set<string>();
  const errors: number[] = [];
  const factor = async (layer: LinearLayer, ordered: OrderedFactors | undefined) => {
    const { name } = layer;
    const rank = ranks[name];
    if (rank === undefined || rank === current[name]) return;
    const weight = weightOf(parameters, name);
    const factored = ordered
      ? await cutFactors(weight, ordered, rank, order, options)
      : 'data' in weight
        ? await factorTruncated(weight, rank, options)
        : await refactor(weight, rank, variant, options);
    const names = factorNames(name);
    next[names.u] = factored.u;
    next[names.v] = factored.v;
    for (const old of [fullName(name), names.u, names.v]) replaced.add(old);
    errors.push(factored.relativeError);
    onLayer?.(layers.indexOf(layer) + 1);
  };
  if (weighted) await weighted(factor);
  else for (const layer of layers) await factor(layer, undefined);
  for (const [name, tensor] of Object.entries(parameters))
    if (!replaced.has(name)) next[name] = f32(tensor.shape, floats(tensor));
  const squares = errors.reduce((sum, error) => sum + error * error, 0);
  return { parameters: next, ranks: { ...current, ...ranks }, error: Math.sqrt(squares / Math.max(1, errors.length)) };
}
