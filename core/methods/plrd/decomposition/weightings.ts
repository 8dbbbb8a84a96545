import type { Tensor } from '@tensorflow/tfjs-core';
import { gramRoot } from '../../../engine/linalg/gram';
import type { LinalgOptions, Matrix } from '../../../engine/linalg/matrix';
import type { Weighting } from '../../../engine/linalg/weighted';
import type { Named } from '../../../engine/optimizer';
import type { DeviceState, Runtime } from '../../../engine/runtime/runtime';
import type { CalibrationText } from '../../../models/decoder/calibration';
import { layerGrams } from '../../../models/decoder/calibration';
import type { DecoderConfig } from '../../../models/decoder/config';
import type { LinearLayer } from '../../../models/decoder/layout';
import type { PlrdConfig } from '../config';
import { calibrationGroups, GRAM_LIMIT } from './calibration-groups';

/** A model on a device. */
export interface UploadedModel {
  readonly runtime: Runtime;
  readonly config: DecoderConfig;
  readonly state: DeviceState<Named<Tensor>>;
}

/**
 * Which errors of each layer matter, by the activations and gradients of the model on the calibration text: the
 * layer's inputs for 'whitened', and the gradients of its outputs as well for 'fisher'.
 * @param visit called with each layer in order
 */
export async function weighLayers(
  kind: Exclude<PlrdConfig['decomposition'], 'plain'>,
  { runtime, config, state }: UploadedModel,
  layers: readonly LinearLayer[],
  text: CalibrationText,
  {
    limit = GRAM_LIMIT,
    onBatch,
    ...options
  }: LinalgOptions & { readonly limit?: number; readonly onBatch?: () => void },
  visit: (layer: LinearLayer, weighting: Weighting) => Promise<void>,
): Promise<void> {
  const gradients = kind === 'fisher';
  for (const group of calibrationGroups(layers, gradients, limit)) {
    const grams = await layerGrams(runtime, config, state, group, text, {
      ...options,
      gradients,
      ...(onBatch && { onBatch }),
    });
    // Layers that share an input share its root.
    const roots = new Map<Matrix, Matrix | undefined>();
    for (const layer of group) {
      const { inputs, outputs } = grams.get(layer.name)!;
      if (!roots.has(inputs)) roots.set(inputs, await gramRoot(`of the inputs of ${layer.name}`, inputs, options));
      await visit(layer, {
        inputs: roots.get(inputs),
        outputs: outputs && (await gramRoot(`of the gradients of ${layer.name}`, outputs, options)),
      });
    }
  }
}
