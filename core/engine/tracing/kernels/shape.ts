import type { TensorInfo } from '@tensorflow/tfjs-core';
import { backend_util, slice_util, util } from '@tensorflow/tfjs-core';
import type { GraphBuilder, Value } from '../../onnx/graph';
import { backend, elementOf, kernel, listInputs, need } from '../backend';
import { constantLike, expand } from './elementwise';

const equal = (a: readonly number[], b: readonly number[]) => util.arraysEqual([...a], [...b]);

/** A tensor as tf.js's helpers expect it. */
const described = (x: Value): TensorInfo => ({ dataId: {}, dtype: elementOf(x.element), shape: [...x.shape] });

export const reshape = (graph: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  equal(x.shape, shape)
    ? x
    : graph.node('Reshape', [x, graph.indices(shape)], x.element, shape, { attributes: { allowzero: 1 } });

export function transpose(graph: GraphBuilder, x: Value, perm: readonly number[]): Value {
  const shape = perm.map((axis) => x.shape[axis]!);
  const again = transposedTwice(graph, x, perm);
  if (again) return transpose(graph, again.x, again.perm);
  // Moving axes of length 1 moves no data.
  const moving = perm.filter((axis) => x.shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return reshape(graph, x, shape);
  return graph.node('Transpose', [x], x.element, shape, { attributes: { perm } });
}

/** A transposition of a transposed value is one transposition: on a GPU, where both forms are needed, that is one pass less. */
function transposedTwice(graph: GraphBuilder, x: Value, perm: readonly number[]) {
  if (backend.target === 'cpu') return undefined;
  const source = graph.transposedFrom(x);
  return source && { x: source.value, perm: perm.map((axis) => source.perm[axis]!) };
}

function slice(graph: GraphBuilder, x: Value, begin: readonly number[], size: readonly number[]): Value {
  if (equal(x.shape, size)) return x;
  const axes = begin.flatMap((start, axis) => (start === 0 && size[axis] === x.shape[axis] ? [] : [axis]));
  const starts = graph.indices(axes.map((axis) => begin[axis]!));
  const ends = graph.indices(axes.map((axis) => begin[axis]! + size[axis]!));
  return graph.node('Slice', [x, starts, ends, graph.indices(axes)], x.element, size);
}

function reverse(graph: GraphBuilder, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x;
  const all = [axes.map(() => -1), axes.map(() => -(2 ** 31)), axes, axes.map(() => -1)];
  return graph.node('Slice', [x, ...all.map((values) => graph.indices(values))], x.element, x.shape);
}

kernel('Reshape', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  return reshape(graph, x, util.inferFromImplicitShape(attributes.shape as number[], util.sizeFromShape([...x.shape])));
});

kernel('ExpandDims', ({ graph, inputs, attributes }) => {
  const input = need(inputs, 'input');
  const dim = Number(attributes.dim);
  const at = dim < 0 ? input.shape.length + 1 + dim : dim;
  return reshape(graph, input, [...input.shape.slice(0, at), 1, ...input.shape.slice(at)]);
});

kernel('Transpose', ({ graph, inputs, attributes }) =>
  transpose(graph, need(inputs, 'x'), attributes.perm as number[]),
);

kernel('Tile', ({ graph, target, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const reps = attributes.reps as number[];
  if (reps.every((times) => times === 1)) return x;
  const shape = x.shape.map((length, axis) => length * reps[axis]!);
  // WebGPU has no Tile; the CPU would compute it, and copy all of the result.
  if (target !== 'cpu' && reps.every((times, axis) => times === 1 || x.shape[axis] === 1))
    return expand(graph, x, shape);
  return graph.node('Tile', [x, graph.indices(reps)], x.element, shape);
});

kernel('Slice', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const [begin, size] = slice_util.parseSliceParams(
    described(x),
    attributes.begin as number[],
    attributes.size as number[],
  );
  return slice(graph, x, begin!, size!);
});

kernel('StridedSlice', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'].map((name) =>
    Number(attributes[name] ?? 0),
  );
  const { finalShape, begin, end, strides } = slice_util.sliceInfo(
    [...x.shape],
    attributes.begin as number[],
    attributes.end as number[],
    attributes.strides as number[],
    ...(masks as [number, number, number, number, number]),
  );
  // A backward slice is taken forward and then reversed: WebGPU's Slice can only go backward from the very end.
  const shape = slice_util.computeOutShape(begin, end, strides);
  const steps = strides.map(Math.abs);
  const starts = begin.map((from, axis) => (strides[axis]! < 0 ? from - (shape[axis]! - 1) * steps[axis]! : from));
  const ends = end.map((to, axis) => (strides[axis]! < 0 ? begin[axis]! + 1 : to));
  const axes = begin.map((_, axis) => axis);
  const inputsOf = [starts, ends, axes, steps].map((values) => graph.indices(values));
  const taken = graph.node('Slice', [x, ...inputsOf], x.element, shape);
  const turned = reverse(
    graph,
    taken,
    axes.filter((axis) => strides[axis]! < 0),
  );
  return reshape(graph, turned, finalShape);
});

kernel('Concat', ({ graph, inputs, attributes }) => {
  const values = listInputs(inputs);
  const axis = util.parseAxisParam(attributes.axis as number, [...values[0]!.shape])[0]!;
  const shape = backend_util.computeOutShape(
    values.map((value) => [...value.shape]),
    axis,
  );
  const full = values.filter((value) => value.shape[axis] !== 0);
  return full.length === 1 ? full[0]! : graph.node('Concat', full, values[0]!.element, shape, { attributes: { axis } });
});

kernel('Pack', ({ graph, inputs, attributes }) => {
  const values = listInputs(inputs);
  const [first] = values;
  const axis =
    Number(attributes.axis) < 0 ? first!.shape.length + 1 + Number(attributes.axis) : Number(attributes.axis);
  const one = [...first!.shape.slice(0, axis), 1, ...first!.shape.slice(axis)];
  const shape = one.map((length, i) => (i === axis ? values.length : length));
  const parts = values.map((value) => reshape(graph, value, one));
  return parts.length === 1 ? parts[0]! : graph.node('Concat', parts, first!.element, shape, { attributes: { axis } });
});

kernel('SplitV', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const axis = util.parseAxisParam(attributes.axis as number, [...x.shape])[0]!;
  const sizes = backend_util.prepareSplitSize(described(x), attributes.numOrSizeSplits as number[] | number, axis);
  const results = sizes.map((size) => ({ element: x.element, shape: x.shape.map((n, i) => (i === axis ? size : n)) }));
  return graph.nodes('Split', [x, graph.indices(sizes)], results, { attributes: { axis } });
});

kernel('Unpack', ({ graph, inputs, attributes }) => {
  const value = need(inputs, 'value');
  const axis = util.parseAxisParam(attributes.axis as number, [...value.shape])[0]!;
  const size = value.shape.map((length, i) => (i === axis ? 1 : length));
  return Array.from({ length: value.shape[axis]! }, (_, index) => {
    const begin = value.shape.map((_, i) => (i === axis ? index : 0));
    return reshape(
      graph,
      slice(graph, value, begin, size),
      value.shape.filter((_, i) => i !== axis),
    );
  });
});

kernel('PadV2', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const paddings = attributes.paddings as [number, number][];
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.shape.map((length, axis) => length + paddings[axis]![0] + paddings[axis]![1]);
  const pads = graph.indices([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  return graph.node('Pad', [x, pads, constantLike(graph, x, Number(attributes.constantValue))], x.element, shape);
});

kernel('MirrorPad', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const paddings = attributes.paddings as [number, number][];
  const shape = x.shape.map((length, axis) => length + paddings[axis]![0] + paddings[axis]![1]);
  if (attributes.mode === 'reflect') {
    const pads = graph.indices([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
    return graph.node('Pad', [x, pads], x.element, shape, { attributes: { mode: 'reflect' } });
  }
  // 'symmetric' repeats the border itself, which ONNX's Pad cannot do: gather the mirrored positions axis by axis.
  return paddings.reduce((value, [before, after], axis) => {
    const length = x.shape[axis]!;
    const positions = Array.from({ length: before + length + after }, (_, i) => {
      const at = i - before;
      return at < 0 ? -1 - at : at >= length ? 2 * length - 1 - at : at;
    });
    const grown = value.shape.map((n, i) => (i === axis ? positions.length : n));
    return graph.node('Gather', [value, graph.indices(positions)], value.element, grown, { attributes: { axis } });
  }, x);
});

kernel('Reverse', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  return reverse(graph, x, util.parseAxisParam(attributes.dims as number[], [...x.shape]));
});

kernel('Fill', ({ graph, attributes }) => {
  const shape = attributes.shape as number[];
  const value = Number(attributes.value);
  const element = attributes.dtype === 'int32' || attributes.dtype === 'bool' ? attributes.dtype : 'float32';
  return expand(graph, constantLike(graph, { name: '', element, shape }, value), shape);
});

for (const [name, value] of [
  ['ZerosLike', 0],
  ['OnesLike', 1],
] as const)
  kernel(name, ({ graph, inputs }) => {
    const x = need(inputs, 'x');
    return expand(graph, constantLike(graph, x, value), x.shape);
  });

kernel('Range', ({ graph, attributes }) => {
  const { start, stop, dtype } = attributes as { start: number; stop: number; dtype: 'float32' | 'int32' };
  // tf.range(5, 0) counts down, though its step defaults to 1.
  const step = stop < start && attributes.step === 1 ? -1 : Number(attributes.step);
  const values = Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
  return dtype === 'int32'
    ? graph.constant('int32', [values.length], Int32Array.from(values))
    : graph.constant('float32', [values.length], Float32Array.from(values));
});
