import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { regroupHeads } from '../../models/attention/regroup';
import type { VitConfig } from '../../models/vit/config';
import { names } from '../../models/vit/layout';

/** Converts the weights of a vision transformer to another grouping of its heads. */
export function regroup(parameters: Named<HostTensor>, from: VitConfig, to: VitConfig): Named<HostTensor> {
  const name = names(to);
  const layers = Array.from({ length: to.layers }, (_, layer) => ({
    query: name.query(layer),
    key: name.key(layer),
    value: name.value(layer),
  }));
  return regroupHeads(parameters, from.grouping, to.grouping, layers);
}
