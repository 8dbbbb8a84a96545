import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../engine/host';
import { f32, item } from '../../../engine/host';
import { matmul } from '../../../engine/linalg/gemm';
import type { LinalgOptions } from '../../../engine/linalg/matrix';
import { blockOf, rowRange } from '../../../engine/linalg/matrix';
import type { OrderedFactors } from '../../../engine/linalg/weighted';
import type { Named } from '../../../engine/optimizer';
import type { DeviceState, Program } from '../../../engine/runtime/runtime';
import type { CalibrationText } from '../../../models/decoder/calibration';
import type { TokenBatch } from '../../../models/decoder/language-model';
import { scoreTokens } from '../../../models/decoder/language-model';
import type { LinearLayer } from '../../../models/decoder/layout';
import { factorNames, fullName } from '../../../models/decoder/layout';
import type { UploadedModel } from '../decomposition/weightings';
import { MEASURED_BLOCKS, PROBES } from './probes';
import { breakEven, possibleRanks } from './ranks';
import type { LayerSize, LayerSizes } from './hull';

/** What truncating one layer costs: the mean loss that it adds, in nats per token, at a few ranks. */
export interface Sensitivity {
  readonly layer: LinearLayer;
  /** Rank that the layer has now; undefined if it is full. */
  readonly current: number | undefined;
  /** Weighted tail energy of every rank from 0 to the present one, as a share of the whole. */
  readonly tails: Float64Array;
  /** By rank, ascending. */
  readonly measured: readonly { readonly rank: number; readonly loss: number }[];
}

function probesOf(ranks: readonly number[], layer: LinearLayer): number[] {
  const nearest = (to: number) => ranks.reduce((a, b) => (Math.abs(b - to) < Math.abs(a - to) ? b : a));
  return [...new Set(PROBES.map((share) => nearest(share * breakEven(layer))))];
}

/** A model on a device, and its mean loss on a text with one layer replaced. */
export class LayerProbe {
  readonly #model: UploadedModel;
  readonly #loss: Program<Named<Tensor>, TokenBatch, { nats: Tensor }>;
  readonly #batches: CalibrationText['batches'];
  readonly #tokens: number;
  readonly #parts: Record<string, DeviceState<Tensor>>;

  constructor(model: UploadedModel, names: readonly string[], text: CalibrationText) {
    this.#model = model;
    const perBatch = text.blocks.length / text.batches.length;
    this.#batches = text.batches.slice(0, Math.ceil(MEASURED_BLOCKS / perBatch));
    this.#tokens = (text.tokens / text.batches.length) * this.#batches.length;
    this.#parts = Object.fromEntries(names.map((name) => [name, model.state.pick(name)]));
    this.#loss = model.runtime.compile('sensitivity', (parameters: Named<Tensor>, batch: TokenBatch) => ({
      metrics: { nats: tf.sum(scoreTokens(model.config, parameters, batch).nats) },
    }));
  }

  /** Mean nats per token of the model with some tensors replaced by others of the same shapes. */
  async loss(replaced: Named<HostTensor>, signal?: AbortSignal): Promise<number> {
    const { runtime } = this.#model;
    const others = Object.entries(replaced).map(([name, tensor]) => [name, runtime.upload<Tensor>(tensor)] as const);
    const model = runtime.combine<Named<Tensor>>({ ...this.#parts, ...Object.fromEntries(others) });
    let nats = 0;
    for (const batch of this.#batches) {
      signal?.throwIfAborted();
      nats += item((await this.#loss.run(model, batch)).nats);
    }
    return nats / this.#tokens;
  }
}

/**
 * Measures one layer: the loss of the model in which only this layer is truncated.
 * @param full loss of the model as it is
 */
export async function measureSensitivity(
  probe: LayerProbe,
  layer: LinearLayer,
  ordered: OrderedFactors,
  full: number,
  {
    current,
    multiple,
    ...options
  }: LinalgOptions & { readonly current: number | undefined; readonly multiple: number },
): Promise<Sensitivity> {
  const ranks = possibleRanks(layer, current, multiple);
  const measured: { rank: number; loss: number }[] = [];
  for (const rank of ranks.length === 0 ? [] : probesOf(ranks, layer))
    if (rank !== current)
      measured.push({
        rank,
        loss: (await probe.loss(await truncated(layer, ordered, rank, current, options), options.signal)) - full,
      });
  return { layer, current, tails: tailsOf(ordered), measured };
}

/** The layer's tensors with its values truncated and its shapes unchanged, so that one compiled step serves all. */
async function truncated(
  { name, outputs, inputs }: LinearLayer,
  { left, right }: OrderedFactors,
  rank: number,
  current: number | undefined,
  options: LinalgOptions,
): Promise<Named<HostTensor>> {
  const u = blockOf(left, 0, outputs, 0, rank);
  const v = rowRange(right, 0, rank);
  if (current === undefined) {
    const { data } = await matmul(u, v, options);
    return { [fullName(name)]: f32([outputs, inputs], Float32Array.from(data)) };
  }
  const names = factorNames(name);
  const wide = new Float32Array(outputs * current);
  for (let i = 0; i < outputs; i++) wide.set(u.data.subarray(i * rank, (i + 1) * rank), i * current);
  const tall = new Float32Array(current * inputs);
  tall.set(v.data);
  return { [names.u]: f32([outputs, current], wide), [names.v]: f32([current, inputs], tall) };
}

function tailsOf({ values, energy }: OrderedFactors): Float64Array {
  const tails = new Float64Array(values.length + 1);
  let left = energy;
  for (let rank = 0; rank <= values.length; rank++) {
    tails[rank] = energy === 0 ? 0 : Math.max(0, left) / energy;
    left -= (values[rank] ?? 0) ** 2;
  }
  return tails;
}

/**
 * The loss that each possible rank adds: as measured, and between two measured ranks in proportion to the tail energy, in
 * which the loss is linear as long as errors are small (its expansion to second order). A larger rank never counts as
 * worse: what was measured otherwise is noise.
 * @param limit the largest rank allowed; undefined if the layer may stay as it is
 */
export function sizesOf(
  { layer, current, tails, measured }: Sensitivity,
  limit: number | undefined,
  multiple: number,
): LayerSizes {
  const { outputs, inputs } = layer;
  const known: { rank: number; loss: number }[] = [{ rank: tails.length - 1, loss: 0 }];
  // From large to small ranks, so that a smaller one adds no less.
  for (const { rank, loss } of [...measured].reverse()) known.push({ rank, loss: Math.max(loss, known.at(-1)!.loss) });
  const lossOf = (rank: number): number => {
    const exact = known.find((point) => point.rank === rank);
    if (exact) return exact.loss;
    const below = known.findIndex((point) => point.rank < rank);
    // Below the smallest that was measured, the line goes on.
    const at = below < 0 ? known.length - 1 : below;
    const [from, to] = [known[at - 1], known[at]!];
    if (!from) return 0;
    const span = tails[to.rank]! - tails[from.rank]!;
    return span > 0 ? from.loss + ((to.loss - from.loss) * (tails[rank]! - tails[from.rank]!)) / span : to.loss;
  };
  const ranks = possibleRanks(layer, limit, multiple);
  // A rank that is kept need not be a multiple.
  if (limit !== undefined && !ranks.includes(limit)) ranks.push(limit);
  const sizes = ranks.map((rank): LayerSize => ({ rank, cost: rank * (outputs + inputs), loss: lossOf(rank) }));
  if (limit === undefined && current === undefined) sizes.push({ rank: undefined, cost: outputs * inputs, loss: 0 });
  return { layer, sizes };
}
