import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { regroupHeads } from '../attention/regroup';
import type { DecoderConfig } from './config';
import { selfAttentionName } from './layout';

/** Converts the weights of a decoder, whose attention is not factored, to another grouping of its heads. */
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
