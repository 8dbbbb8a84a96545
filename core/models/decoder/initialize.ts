import type { HostTensor } from '../../engine/host';
import { f32, sizeOf } from '../../engine/host';
import { Random } from '../../random';
import type { DecoderConfig } from './config';
import { tensorShapes } from './layout';

/**
 * Randomly initialized weights: normal with standard deviation 0.02, with projections into the residual stream scaled
 * by 1/√(2 layers) (Radford et al., 2019, section 2.3); norms one, biases zero.
 */
export function initialize(config: DecoderConfig, seed: number): Record<string, HostTensor<'float32'>> {
  const random = new Random(seed);
  const tensors: Record<string, HostTensor<'float32'>> = {};
  for (const [name, shape] of tensorShapes(config)) {
    const data = new Float32Array(sizeOf(shape));
    if (name.endsWith('norm.weight')) data.fill(1);
    else if (shape.length > 1) {
      const deviation = /\.(o|down)_proj\./.test(name) ? 0.02 / Math.sqrt(2 * config.layers) : 0.02;
      for (let i = 0; i < data.length; i++) data[i] = random.normal() * deviation;
    }
    tensors[name] = f32(shape, data);
  }
  return tensors;
}
