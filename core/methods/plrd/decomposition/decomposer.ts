import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../engine/host';
import type { LinalgOptions } from '../../../engine/linalg/matrix';
import type { Weighting } from '../../../engine/linalg/weighted';
import { orderedFactors, weightedSpectrum } from '../../../engine/linalg/weighted';
import type { Named } from '../../../engine/optimizer';
import { createRuntime } from '../../../engine/runtime/create';
import type { CalibrationText } from '../../../models/decoder/calibration';
import type { DecoderConfig } from '../../../models/decoder/config';
import type { LinearLayer } from '../../../models/decoder/layout';
import type { TrainingContext } from '../../../training/context';
import { LayerProbe, measureSensitivity, type Sensitivity } from '../allocation/sensitivity';
import { familyRanks, type Evidence } from '../allocation/allocate';
import type { PlrdConfig } from '../config';
import { decompose, weightOf, type Decomposition } from '../method';
import type { Ranks, Size } from '../ranks';
import type { UploadedModel } from './weightings';
import { calibrationGroups, weighLayers } from './weightings';

/** The settings that decide how a model becomes smaller. */
export type DecompositionSettings = Pick<PlrdConfig, 'decomposition' | 'allocation' | 'rankMultiple' | 'variant'>;

/** A model in main memory. */
export interface ModelToDecompose {
  readonly config: DecoderConfig;
  readonly parameters: Named<HostTensor>;
}

/**
 * Makes models smaller as a spec asks: chooses the ranks of its layers and decomposes them, with what the model does on the
 * calibration text. What was seen of a model is kept for its next size, as far as it fits into memory.
 */
export class Decomposer {
  #text: CalibrationText | undefined;
  readonly #weightings = new WeakMap<ModelToDecompose['parameters'], ReadonlyMap<string, Weighting>>();
  readonly #evidence = new WeakMap<ModelToDecompose['parameters'], Evidence>();

  /** @param draw draws the calibration text: when it is first needed, if at all */
  constructor(
    private readonly settings: DecompositionSettings,
    private readonly layers: readonly LinearLayer[],
    private readonly draw: () => CalibrationText,
    private readonly context: Pick<TrainingContext, 'device' | 'signal'> & {
      /** Called while something is measured, with layers or batches done and their number. */
      readonly onProgress?: (what: 'calibration' | 'sensitivity', done: number, total: number) => void;
    },
  ) {}

  /** The calibration text: its blocks, seed and tokens belong into the results. */
  get text(): CalibrationText {
    return (this.#text ??= this.draw());
  }

  /**
   * The ranks of members of the given sizes, largest first: no layer's rank rises from one to the next, and none is above
   * that of the model.
   * @throws UserError `plrd.target-too-small`
   */
  async ranks(model: ModelToDecompose, sizes: readonly Size[]): Promise<Ranks[]> {
    const { allocation, rankMultiple } = this.settings;
    return familyRanks(await this.#evidenceOf(model), model.config.ranks, this.layers, sizes, {
      allocation,
      multiple: rankMultiple,
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
    const { variant, decomposition } = this.settings;
    return decompose(parameters, config.ranks, this.layers, ranks, variant, {
      ...this.#linalg,
      order,
      ...(onLayer && { onLayer }),
      ...(decomposition !== 'plain' && { weigh: (visit) => this.#weigh(model, visit) }),
    });
  }

  get #linalg(): LinalgOptions {
    const { signal, device } = this.context;
    return { signal, threads: device.threads };
  }

  /** Visits the layers with their weightings; computed once per model if they fit into memory together. */
  async #weigh(
    model: ModelToDecompose,
    visit: (layer: LinearLayer, weighting: Weighting) => Promise<void>,
    uploaded?: UploadedModel,
  ): Promise<void> {
    const { decomposition } = this.settings;
    if (decomposition === 'plain') {
      for (const layer of this.layers) await visit(layer, {});
      return;
    }
    const known = this.#weightings.get(model.parameters);
    if (known) {
      for (const layer of this.layers) await visit(layer, known.get(layer.name)!);
      return;
    }
    const groups = calibrationGroups(this.layers, decomposition === 'fisher').length;
    const total = groups * this.text.batches.length;
    const kept = new Map<string, Weighting>();
    let done = 0;
    const options = {
      ...this.#linalg,
      onBatch: () => this.context.onProgress?.('calibration', ++done, total),
    };
    await this.#onDevice(model, uploaded, (device) =>
      weighLayers(decomposition, device, this.layers, this.text, options, async (layer, weighting) => {
        if (groups === 1) kept.set(layer.name, weighting);
        await visit(layer, weighting);
      }),
    );
    if (groups === 1) this.#weightings.set(model.parameters, kept);
  }

  async #onDevice<Result>(
    { config, parameters }: ModelToDecompose,
    uploaded: UploadedModel | undefined,
    use: (model: UploadedModel) => Promise<Result>,
  ): Promise<Result> {
    if (uploaded) return use(uploaded);
    const runtime = createRuntime(this.context.device);
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
    const { allocation } = this.settings;
    if (allocation === 'uniform') return {};
    if (allocation === 'energy') {
      const spectra = new Map<string, Float64Array>();
      await this.#weigh(model, async ({ name }, weighting) => {
        spectra.set(name, await weightedSpectrum(weightOf(model.parameters, name), weighting, this.#linalg));
      });
      return { spectra };
    }
    return { sensitivities: await this.#onDevice(model, undefined, (device) => this.#measure(model, device)) };
  }

  async #measure(model: ModelToDecompose, device: UploadedModel): Promise<Sensitivity[]> {
    const { signal, onProgress } = this.context;
    const { config, parameters } = model;
    const probe = new LayerProbe(device, Object.keys(parameters), this.text);
    const full = await probe.loss({}, signal);
    const sensitivities: Sensitivity[] = [];
    await this.#weigh(
      model,
      async (layer, weighting) => {
        const current = config.ranks[layer.name];
        const rank = Math.min(layer.outputs, layer.inputs, current ?? Infinity);
        const ordered = await orderedFactors(weightOf(parameters, layer.name), rank, weighting, this.#linalg);
        const options = { ...this.#linalg, current, multiple: this.settings.rankMultiple };
        sensitivities.push(await measureSensitivity(probe, layer, ordered, full, options));
        onProgress?.('sensitivity', sensitivities.length, this.layers.length);
      },
      device,
    );
    return sensitivities;
  }
}
