import type { Factors } from '../../engine/linalg/factor';
import { factorTruncated, refactor } from '../../engine/linalg/factor';
import { matmul } from '../../engine/linalg/gemm';
import type { LinalgOptions } from '../../engine/linalg/matrix';
import { matrix } from '../../engine/linalg/matrix';
import { thinQr } from '../../engine/linalg/qr';
import { singularValues } from '../../engine/linalg/svd';
import type { HostTensor } from '../../engine/host';
import { f32, floats } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { DecoderConfig } from '../../models/decoder/config';
import type { LinearLayer } from '../../models/decoder/layout';
import { factorNames, fullName } from '../../models/decoder/layout';
import type { PlrdConfig } from './config';
import type { Ranks, Size } from './ranks';
import { energyRanks, evenRanks, notAbove } from './ranks';

/**
 * The ranks of a member of the given size.
 * @param parameters those of the model to decompose; read only for `energy`
 */
export async function memberRanks(
  config: PlrdConfig,
  decoder: DecoderConfig,
  parameters: Named<HostTensor>,
  layers: readonly LinearLayer[],
  size: Size,
  options: LinalgOptions = {},
): Promise<Ranks> {
  if (config.allocation === 'uniform') return notAbove(evenRanks(layers, size, config.rankMultiple), decoder.ranks);
  const spectra = new Map<string, Float64Array>();
  for (const layer of layers) spectra.set(layer.name, await spectrumOf(parameters, layer, options));
  const budget = size.ratio * layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  return notAbove(energyRanks(layers, spectra, budget, config.rankMultiple), decoder.ranks);
}

/** Singular values of a layer's matrix, descending; for a factored layer those of the product, without forming it. */
async function spectrumOf(
  parameters: Named<HostTensor>,
  { name, outputs, inputs }: LinearLayer,
  options: LinalgOptions,
): Promise<Float64Array> {
  const full = parameters[fullName(name)];
  if (full) return singularValues(matrix(outputs, inputs, floats(full)), options);
  const { u, v } = factorsOf(parameters, name);
  const rank = v.shape[0]!;
  // W₀ W₁ = Q (R W₁) with W₀ = Q R: an orthonormal factor does not change singular values.
  const { r } = await thinQr(matrix(outputs, rank, floats(u)), options);
  return singularValues(await matmul(r, matrix(rank, inputs, floats(v)), options), options);
}

function factorsOf(parameters: Named<HostTensor>, name: string): Factors {
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

/**
 * One step of progressive low-rank decomposition (Section 1 of methods: steps 2 and 3 of the algorithm). A full layer
 * W ≈ U S Vᵀ becomes W₀ W₁ with the singular values split evenly. A factored layer is decomposed again and folded, so
 * that it remains two factors: 'paper' decomposes W₁ alone, 'exact' the product W₀ W₁ by QR and a small SVD.
 * @param onLayer called after each layer with the number of layers done
 */
export async function decompose(
  parameters: Named<HostTensor>,
  current: Ranks,
  layers: readonly LinearLayer[],
  ranks: Ranks,
  variant: PlrdConfig['variant'],
  { onLayer, ...options }: LinalgOptions & { readonly onLayer?: (done: number) => void },
): Promise<Decomposition> {
  const next: Record<string, HostTensor<'float32'>> = {};
  const replaced = new Set<string>();
  const errors: number[] = [];
  for (const [index, { name, outputs, inputs }] of layers.entries()) {
    const rank = ranks[name];
    if (rank === undefined || rank === current[name]) continue;
    const full = parameters[fullName(name)];
    const factored = full
      ? await factorTruncated(f32([outputs, inputs], floats(full)), rank, options)
      : await refactor(factorsOf(parameters, name), rank, variant, options);
    const names = factorNames(name);
    next[names.u] = factored.u;
    next[names.v] = factored.v;
    for (const old of [fullName(name), names.u, names.v]) replaced.add(old);
    errors.push(factored.relativeError);
    onLayer?.(index + 1);
  }
  for (const [name, tensor] of Object.entries(parameters))
    if (!replaced.has(name)) next[name] = f32(tensor.shape, floats(tensor));
  const squares = errors.reduce((sum, error) => sum + error * error, 0);
  return { parameters: next, ranks: { ...current, ...ranks }, error: Math.sqrt(squares / Math.max(1, errors.length)) };
}
