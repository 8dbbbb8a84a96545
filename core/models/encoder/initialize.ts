import { f32, sizeOf, type HostTensor } from '../../engine/host';
import { Random } from '../../random';
import type { EncoderConfig } from './config';
import { encoderTensorShapes, headTensorShapes, type EncoderHead } from './layout';

/** Identifies the random stream of new heads, so that a head does not depend on the body below it. */
const HEAD_STREAM = 201;

/**
 * Randomly initialized weights (Devlin et al., 2019): normal with standard deviation `initializer_range`; norms one,
 * biases zero.
 */
export const initializeEncoder = (
  config: EncoderConfig,
  head: EncoderHead,
  seed: number,
): Record<string, HostTensor<'float32'>> =>
  fresh(encoderTensorShapes(config, head), config.initializerRange, new Random(seed));

/** Only the tensors of a head. */
export const initializeHead = (
  config: EncoderConfig,
  head: EncoderHead,
  seed: number,
): Record<string, HostTensor<'float32'>> =>
  fresh(headTensorShapes(config, head), config.initializerRange, new Random(seed, HEAD_STREAM));

function fresh(
  shapes: ReadonlyMap<string, readonly number[]>,
  deviation: number,
  random: Random,
): Record<string, HostTensor<'float32'>> {
  const tensors: Record<string, HostTensor<'float32'>> = {};
  for (const [name, shape] of shapes) {
    const data = new Float32Array(sizeOf(shape));
    if (/(LayerNorm|layer_norm)\.weight$/.test(name)) data.fill(1);
    else if (!name.endsWith('bias')) for (let i = 0; i < data.length; i++) data[i] = deviation * random.normal();
    tensors[name] = f32(shape, data);
  }
  return tensors;
}
