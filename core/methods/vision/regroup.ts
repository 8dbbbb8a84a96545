import { f32, floats, type HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { headPairs, type HeadGrouping } from '../../models/attention/grouping';
import type { VitConfig } from '../../models/vit/config';
import { names } from '../../models/vit/layout';

type Projection = 'query' | 'key' | 'value';

/**
 * Weights of a model with one head of each kind per attention head, made fit for another grouping: a shared head is the
 * mean of those that it stands for (Ainslie et al., 2023, section 2.1, of queries as well as keys and values); where keys
 * are the values as well, of both.
 * @returns the same tensors where the grouping is the same
 */
export function regroup(parameters: Named<HostTensor>, from: VitConfig, to: VitConfig): Named<HostTensor> {
  if (same(from.grouping, to.grouping)) return parameters;
  if (from.grouping.queryHeads !== from.grouping.heads || from.grouping.kvHeads !== from.grouping.heads)
    throw new RangeError('only multi-head attention can be regrouped');
  const { headDim, layers, qkvBias } = to;
  const result = new Map(Object.entries(parameters));
  const pairs = headPairs(to.grouping);
  const shared = to.grouping.sharedKeyValue;
  const name = names(to);
  /** The mean of the rows of the heads that each head stands for. */
  const pooled = (at: string, part: 'weight' | 'bias', kind: 'query' | 'keyValue', count: number): Float32Array => {
    const { shape } = parameters[`${at}.${part}`]!;
    const source = floats(parameters[`${at}.${part}`]!);
    const size = headDim * (shape[1] ?? 1);
    const target = new Float32Array(count * size);
    const members = Array.from({ length: count }, (_, i) =>
      pairs.flatMap((pair, head) => (pair[kind] === i ? [head] : [])),
    );
    for (const [i, heads] of members.entries())
      for (const head of heads)
        for (let at = 0; at < size; at++) target[i * size + at]! += source[head * size + at]! / heads.length;
    return target;
  };
  const put = (at: string, part: 'weight' | 'bias', values: Float32Array) => {
    result.set(
      `${at}.${part}`,
      f32(part === 'bias' ? [values.length] : [values.length / to.hidden, to.hidden], values),
    );
  };
  for (let layer = 0; layer < layers; layer++)
    for (const part of qkvBias ? (['weight', 'bias'] as const) : (['weight'] as const)) {
      put(name.query(layer), part, pooled(name.query(layer), part, 'query', to.grouping.queryHeads));
      const [key, value] = (['key', 'value'] as const satisfies Projection[]).map((kind) =>
        pooled(name[kind](layer), part, 'keyValue', to.grouping.kvHeads),
      ) as [Float32Array, Float32Array];
      put(name.key(layer), part, shared ? key.map((x, i) => (x + value[i]!) / 2) : key);
      if (shared) result.delete(`${name.value(layer)}.${part}`);
      else put(name.value(layer), part, value);
    }
  return Object.fromEntries(result);
}

const same = (a: HeadGrouping, b: HeadGrouping) =>
  a.queryHeads === b.queryHeads && a.kvHeads === b.kvHeads && a.sharedKeyValue === b.sharedKeyValue;
