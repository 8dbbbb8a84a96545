import { f32, sizeOf, type HostTensor } from '../../engine/host';
import { Random } from '../../random';
import type { VitConfig } from './config';
import { vitTensorShapes } from './layout';

/**
 * Randomly initialized weights (Touvron et al., 2021): normal with standard deviation `initializer_range`, truncated at
 * two standard deviations; norms one, biases zero. The usual 0.02 is meant for widths of hundreds: a narrow model
 * starts to learn sooner with a larger value.
 */
export function initializeVit(config: VitConfig, seed: number): Record<string, HostTensor<'float32'>> {
  const random = new Random(seed);
  const truncated = (): number => {
    for (;;) {
      const draw = random.normal();
      if (Math.abs(draw) <= 2) return draw;
    }
  };
  const tensors: Record<string, HostTensor<'float32'>> = {};
  for (const [name, shape] of vitTensorShapes(config)) {
    const data = new Float32Array(sizeOf(shape));
    if (/(layernorm|layernorm_before|layernorm_after)\.weight$/.test(name)) data.fill(1);
    else if (!name.endsWith('.bias'))
      for (let i = 0; i < data.length; i++) data[i] = config.initializerRange * truncated();
    tensors[name] = f32(shape, data);
  }
  return tensors;
}
