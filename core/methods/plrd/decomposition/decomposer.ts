import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../engine/host';
import type { LinalgOptions } from '../../../engine/linalg/matrix';
import type { OrderedFactors, Weighting } from '../../../engine/linalg/weighted';
import { orderedFactors } from '../../../engine/linalg/weighted';
import type { Named } from '../../../engine/optimizer';
import { createRuntime } from '../../../engine/runtime/create';
import type { CalibrationText } from '../../../models/decoder/calibration';
import type { DecoderConfig } from '../../../models/decoder/config';
import type { LinearLayer } from '../../../models/decoder/layout';
import type { TrainingContext } from '../../../training/context';
import { LayerProbe, measureSensitivity, type Sensitivity } from '../allocation/sensitivity';
import { familyRanks, type Evidence } from '../allocation/family-ranks';
import type { PlrdConfig } from '../config';
import { decompose, weightOf, type Decomposition } from './decompose';
import type { Ranks, Size } from '../allocation/ranks';
import { requireDecomposition } from './plan';
import type { UploadedModel } from './weightings';
import { calibrationGroups, GRAM_LIMIT } from './calibration-groups';
import { weighLayers } from './weightings';

/** The settings that decide how a model becomes smaller. */
export type DecompositionSettings = Pick<PlrdConfig, 'decomposition' | 'allocation' | 'rankMultiple' | 'variant'>;

/** A model in main memory. */
export interface ModelToDecompose {
  readonly config: DecoderConfig;
  readonly parameters: Named<HostTensor>;
}

export interface DecomposerContext extends Pick<TrainingContext, 'device' | 'signal'> {
  /** Called while something is measured, with layers or batches done and their number. */
  readonly onProgress?: (what: 'calibration' | 'sensitivity', done: number, total: number) => void;
}

/**
 * Makes models smaller as a spec asks: chooses the ranks of its layers and decomposes them, with what the model does on the
 * calibration text. What was seen of a model is kept for its next size, as far as it fits into memory.
 */
export class Decomposer {
  readonly #settings: DecompositionSettings;
  readonly #layers: readonly LinearLayer[];
  readonly #draw: () => CalibrationText;
  readonly #context: DecomposerContext;
  #text: CalibrationText | undefined;
  readonly #ordered = new WeakMap<ModelToDecompose['parameters'], ReadonlyMap<string, OrderedFactors>>();
  readonly #evidence = new WeakMap<ModelToDecompose['parameters'], Evidence>();

  /**
   * @param draw draws the calibration text: when it is first needed, if at all
   * @throws UserError `plrd.decomposition`
   */
  constructor(
    settings: DecompositionSettings,
    layers: readonly LinearLayer[],
    draw: () => CalibrationText,
    context: DecomposerContext,
  ) {
    requireDecomposition(settings);
    this.#settings = settings;
    this.#layers = layers;
    this.#draw = draw;
    this.#context = context;
  }

  /** What is recorded of the calibration text; undefined if none was needed. */
  get calibration(): { readonly blocks: number; readonly tokens: number; readonly seed: number } | undefined {
    const text = this.#text;
    return text && { blocks: text.blocks.length, tokens: text.tokens, seed: text.seed };
  }

  get #calibrationText(): CalibrationText {
    return (this.#text ??= this.#draw());
  }

  /**
   * The ranks of members of the given sizes, largest first: no layer's rank rises from one to the next, and none is above
   * that of the model.
   * @param nested the sizes are parts of one model: a layer is factored in all of them or in none
   * @throws UserError `plrd.target-too-small`
   */
  async ranks(
    model: ModelToDecompose,
    sizes: readonly Size[],
    { nested = false }: { readonly nested?: boolean } = {},
  ): Promise<Ranks[]> {
    const { allocation, rankMultiple } = this.#settings;
    return familyRanks(await this.#evidenceOf(model), model.config.ranks, this.#layers, sizes, {
      allocation,
      multiple: rankMultiple,
      nested,
    });
  }

  /**
   * The model with the given ranks.
   * @param order 'balanced': singular values shared evenly, as for training; 'nested': the first k columns and rows of each
   *   pair of factors are the best approximation of rank k
   */
  async decompose(
    model: ModelToDecompose,
    ranks: Ranks,
    { order = 'balanced', onLayer }: { order?: 'balanced' | 'nested'; onLayer?: (done: number) => void } = {},
  ): Promise<Decomposition> {
    const { parameters, config } = model;
    const { variant, decomposition } = this.#settings;
    return decompose(parameters, config.ranks, this.#layers, ranks, variant, {
      ...this.#linalg,
      order,
      ...(onLayer && { onLayer }),
      ...(decomposition !== 'plain' && {
        weighted: (visit) => this.#weighted(model, ({ name }) => ranks[name], visit),
      }),
    });
  }

  get #linalg(): LinalgOptions {
    const { signal, device } = this.#context;
    return { signal, threads: device.threads };
  }

  /**
   * Visits the layers with their factors in the norm of the decomposition. They are kept for the model's other sizes, at full
   * rank, if they all fit into memory together.
   * @param rankOf the rank that is needed at least; undefined to leave a layer out
   */
  async #weighted(
    model: ModelToDecompose,
    rankOf: (layer: LinearLayer) => number | undefined,
    visit: (layer: LinearLayer, ordered: OrderedFactors) => Promise<void>,
    uploaded?: UploadedModel,
  ): Promise<void> {
    const { decomposition } = this.#settings;
    const known = this.#ordered.get(model.parameters);
    if (known) {
      for (const layer of this.#layers) await visit(layer, known.get(layer.name)!);
      return;
    }
    const fits = orderedBytes(this.#layers, model.config.ranks) <= GRAM_LIMIT;
    const kept = new Map<string, OrderedFactors>();
    const see = async (layer: LinearLayer, weighting: Weighting) => {
      const rank = fits ? largestRank(layer, model.config.ranks) : rankOf(layer);
      if (rank === undefined) return;
      const weight = weightOf(model.parameters, layer.name);
      const ordered = await orderedFactors(weight, rank, weighting, this.#linalg);
      if (fits) kept.set(layer.name, ordered);
      await visit(layer, ordered);
    };
    if (decomposition === 'plain') for (const layer of this.#layers) await see(layer, {});
    else {
      const { length: batches } = this.#calibrationText.batches;
      const total = calibrationGroups(this.#layers, decomposition === 'fisher').length * batches;
      let done = 0;
      const options = { ...this.#linalg, onBatch: () => this.#context.onProgress?.('calibration', ++done, total) };
      await this.#onDevice(model, uploaded, (device) =>
        weighLayers(decomposition, device, this.#layers, this.#calibrationText, options, see),
      );
    }
    if (fits) this.#ordered.set(model.parameters, kept);
  }

  async #onDevice<Result>(
    { config, parameters }: ModelToDecompose,
    uploaded: UploadedModel | undefined,
    use: (model: UploadedModel) => Promise<Result>,
  ): Promise<Result> {
    if (uploaded) return use(uploaded);
    const runtime = createRuntime(this.#context.device);
    try {
      return await use({ runtime, config, state: runtime.upload<Named<Tensor>>(parameters) });
    } finally {
      await runtime.dispose();
    }
  }

  /** What the allocation goes by. */
  async #evidenceOf(model: ModelToDecompose): Promise<Evidence> {
    const known = this.#evidence.get(model.parameters);
    if (known) return known;
    const evidence = await this.#gather(model);
    this.#evidence.set(model.parameters, evidence);
    return evidence;
  }

  async #gather(model: ModelToDecompose): Promise<Evidence> {
    const { allocation } = this.#settings;
    if (allocation === 'uniform') return {};
    if (allocation === 'energy') {
      const spectra = new Map<string, Float64Array>();
      const all = (layer: LinearLayer) => largestRank(layer, model.config.ranks);
      await this.#weighted(model, all, ({ name }, { values }) => {
        spectra.set(name, values);
        return Promise.resolve();
      });
      // To second order, the weighted error is the harm to the loss, which is comparable.
      return { spectra, energy: this.#settings.decomposition === 'fisher' ? 'absolute' : 'relative' };
    }
    return { sensitivities: await this.sensitivities(model) };
  }

  /** What truncating each layer of a model alone costs. */
  sensitivities(model: ModelToDecompose): Promise<Sensitivity[]> {
    return this.#onDevice(model, undefined, (device) => this.#measure(model, device));
  }

  async #measure(model: ModelToDecompose, device: UploadedModel): Promise<Sensitivity[]> {
    const { signal, onProgress } = this.#context;
    const { config, parameters } = model;
    const probe = new LayerProbe(device, Object.keys(parameters), this.#calibrationText);
    const full = await probe.loss({}, signal);
    const sensitivities: Sensitivity[] = [];
    const all = (layer: LinearLayer) => largestRank(layer, config.ranks);
    const measure = async (layer: LinearLayer, ordered: OrderedFactors) => {
      const options = { ...this.#linalg, current: config.ranks[layer.name], multiple: this.#settings.rankMultiple };
      sensitivities.push(await measureSensitivity(probe, layer, ordered, full, options));
      onProgress?.('sensitivity', sensitivities.length, this.#layers.length);
    };
    await this.#weighted(model, all, measure, device);
    return sensitivities;
  }
}

const largestRank = ({ name, outputs, inputs }: LinearLayer, ranks: Ranks): number =>
  Math.min(outputs, inputs, ranks[name] ?? Infinity);

/** Bytes of the factors of all layers at their largest ranks, in double precision. */
const orderedBytes = (layers: readonly LinearLayer[], ranks: Ranks): number =>
  layers.reduce((sum, layer) => sum + 8 * largestRank(layer, ranks) * (layer.outputs + layer.inputs), 0);
