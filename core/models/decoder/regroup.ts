import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { regroupHeads } from '../attention/regroup';
import type { DecoderConfig } from './config';
import { selfAttentionName } from './layout';

/** Weights of a decoder, its attention not factored, made fit for another grouping of its heads. */
export function regroupDecoder(
  parameters: Named<HostTensor>,
  from: DecoderConfig,
  to: DecoderConfig,
): Named<HostTensor> {
  const layers = Array.from({ length: to.layers }, (_, layer) => ({
    query: selfAttentionName(layer, 'q'),
    key: selfAttentionName(layer, 'k'),
    value: selfAttentionName(layer, 'v'),
  }));
  return regroupHeads(parameters, from.grouping, to.grouping, layers);
}
