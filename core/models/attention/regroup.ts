import { f32, floats, type HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { headPairs, sameGrouping, type HeadGrouping } from '../../protocol/grouping';

/** Names of a block's projections, without `.weight` and `.bias`. */
export type Projections = Readonly<Record<'query' | 'key' | 'value', string>>;

/**
 * Converts the weights of a model to another grouping of the same number of attention heads. Each new head is the mean of
 * what its attention heads had before (Ainslie et al., 2023, section 2.1, applied to queries as well as keys and values);
 * with shared keys and values, the mean of both. Less sharing repeats heads, which does not change the model's output.
 * @param layers the projections of every block; their weights are [heads * headDim, inputs]
 * @returns the same tensors if the grouping is the same
 * @throws RangeError if a projection is factored: a mean of products is not a product
 */
export function regroupHeads(
  parameters: Named<HostTensor>,
  from: HeadGrouping,
  to: HeadGrouping,
  layers: readonly Projections[],
): Named<HostTensor> {
  if (sameGrouping(from, to)) return parameters;
  const result = new Map(Object.entries(parameters));
  for (const { query, key, value } of layers) {
    const factored = [query, key, ...(from.sharedKeyValue ? [] : [value])].find((at) => !parameters[`${at}.weight`]);
    if (factored !== undefined) throw new RangeError(`${factored} is factored: its heads cannot be pooled`);
    for (const part of ['weight', 'bias']) {
      const source = (at: string) => parameters[`${at}.${part}`];
      const [queries, keys] = [source(query), source(key)];
      const values = from.sharedKeyValue ? keys : source(value);
      if (!queries || !keys || !values) continue;
      const pooledKeys = pooled(keys, from, to, 'keyValue');
      const pooledValues = pooled(values, from, to, 'keyValue');
      result.set(`${query}.${part}`, pooled(queries, from, to, 'query'));
      result.set(`${key}.${part}`, to.sharedKeyValue ? mean(pooledKeys, pooledValues) : pooledKeys);
      if (to.sharedKeyValue) result.delete(`${value}.${part}`);
      else result.set(`${value}.${part}`, pooledValues);
    }
  }
  return Object.fromEntries(result);
}

/** The rows of each new head: the mean of the rows that its attention heads had before. */
function pooled(
  tensor: HostTensor,
  from: HeadGrouping,
  to: HeadGrouping,
  kind: 'query' | 'keyValue',
): HostTensor<'float32'> {
  const count = (grouping: HeadGrouping) => (kind === 'query' ? grouping.queryHeads : grouping.kvHeads);
  const before = headPairs(from);
  const after = headPairs(to);
  const source = floats(tensor);
  const size = source.length / count(from);
  const target = new Float32Array(count(to) * size);
  for (let i = 0; i < count(to); i++) {
    const members = after.flatMap((pair, head) => (pair[kind] === i ? [before[head]![kind]] : []));
    for (const member of members)
      for (let at = 0; at < size; at++) target[i * size + at]! += source[member * size + at]! / members.length;
  }
  const [rows, ...rest] = tensor.shape as [number, ...number[]];
  return f32([(rows / count(from)) * count(to), ...rest], target);
}

function mean(a: HostTensor<'float32'>, b: HostTensor<'float32'>): HostTensor<'float32'> {
  return f32(
    a.shape,
    a.data.map((x, i) => (x + b.data[i]!) / 2),
  );
}
