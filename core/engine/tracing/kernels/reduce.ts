import { util } from '@tensorflow/tfjs-core';
import { sizeOf } from '../../host';
import type { GraphBuilder, Value } from '../../onnx/graph';
import type { KernelCall } from '../backend';
import { kernel, need } from '../backend';
import { cast } from './elementwise';
import { reshape } from './shape';

interface Reduction {
  readonly x: Value;
  readonly axes: number[];
  readonly shape: number[];
  readonly keepDims: boolean;
}

function reduction({ inputs, attributes }: KernelCall): Reduction {
  const x = need(inputs, 'x');
  // Only tf.max gives it another name.
  const axis = (attributes.axis ?? attributes.reductionIndices) as number | number[] | null | undefined;
  const reduced = axis == null ? x.shape.map((_, i) => i) : util.parseAxisParam(axis, [...x.shape]);
  const keepDims = Boolean(attributes.keepDims);
  const shape = x.shape.flatMap((length, i) => (reduced.includes(i) ? (keepDims ? [1] : []) : [length]));
  return { x, axes: reduced, shape, keepDims };
}

function reduceWith(graph: GraphBuilder, opType: string, { x, axes, shape, keepDims }: Reduction, input = x): Value {
  if (axes.every((axis) => x.shape[axis] === 1) && opType !== 'ReduceSumSquare') return reshape(graph, input, shape);
  return graph.node(opType, [input, graph.indices(axes)], input.element, shape, {
    attributes: { keepdims: keepDims ? 1 : 0 },
  });
}

/** Lengths of the rows in which many elements are summed: the first that leaves no rest, or else the first. */
const ROWS = [1024, 512, 256, 128] as const;

/** Elements that one sum may take: with more, a float loses digits. */
const FEW = 2 ** 14;

/**
 * Σ x² over all elements. In rows, all of a GPU takes part (WebGPU sums into one number by one group of threads), and rounding errors
 * stay small.
 */
function sumOfSquares(graph: GraphBuilder, x: Value): Value {
  const size = sizeOf(x.shape);
  const sum = (opType: string, value: Value, axes: readonly number[], shape: readonly number[]) =>
    graph.node(opType, [value, graph.indices(axes)], x.element, shape, { attributes: { keepdims: 0 } });
  if (size <= FEW)
    return sum(
      'ReduceSumSquare',
      x,
      x.shape.map((_, axis) => axis),
      [],
    );
  const row = ROWS.find((length) => size % length === 0) ?? ROWS[0];
  const inRows = (value: Value): Value => {
    const rows = sizeOf(value.shape) / row;
    return sum('ReduceSum', sum('ReduceSumSquare', reshape(graph, value, [rows, row]), [1], [rows]), [0], []);
  };
  const rest = size % row;
  if (rest === 0) return inRows(x);
  const flat = reshape(graph, x, [size]);
  const ends = [inRows(graph.part(flat, 0, [size - rest])), sumOfSquares(graph, graph.part(flat, size - rest, [rest]))];
  return graph.node('Add', ends, x.element, []);
}

kernel('Sum', (call) => {
  const { graph } = call;
  const what = reduction(call);
  const input = what.x.element === 'bool' ? cast(graph, what.x, 'int32') : what.x;
  // A sum of squares does not need a tensor of the squares.
  const made = graph.producerOf(input);
  if (made?.opType === 'Mul' && made.input[0] === made.input[1] && what.axes.length === what.x.shape.length) {
    const base = { ...input, name: made.input[0]! };
    if (call.target !== 'cpu' && !what.keepDims) return sumOfSquares(graph, base);
    return graph.node('ReduceSumSquare', [base, graph.indices(what.axes)], input.element, what.shape, {
      attributes: { keepdims: what.keepDims ? 1 : 0 },
    });
  }
  return reduceWith(graph, 'ReduceSum', what, input);
});

kernel('Mean', (call) => {
  const what = reduction(call);
  return reduceWith(call.graph, 'ReduceMean', what, cast(call.graph, what.x, 'float32'));
});

for (const [name, opType] of [
  ['Max', 'ReduceMax'],
  ['Min', 'ReduceMin'],
  ['Prod', 'ReduceProd'],
] as const)
  kernel(name, (call) => reduceWith(call.graph, opType, reduction(call)));

for (const [name, opType] of [
  ['All', 'ReduceMin'],
  ['Any', 'ReduceMax'],
] as const)
  kernel(name, (call) => {
    const what = reduction(call);
    return cast(call.graph, reduceWith(call.graph, opType, what, cast(call.graph, what.x, 'int32')), 'bool');
  });

for (const name of ['ArgMax', 'ArgMin'] as const)
  kernel(name, (call) => {
    const { graph } = call;
    const x = need(call.inputs, 'x');
    const [axis] = util.parseAxisParam(call.attributes.axis as number, [...x.shape]);
    const shape = x.shape.filter((_, i) => i !== axis);
    const index = graph.node(name, [x], 'int64', shape, { attributes: { axis: axis!, keepdims: 0 } });
    return cast(graph, index, 'int32');
  });

for (const name of ['Softmax', 'LogSoftmax'] as const)
  kernel(name, ({ graph, target, inputs }) => {
    const x = need(inputs, 'logits'); // tf.js allows the last axis only
    if (name === 'LogSoftmax' && target === 'webgpu') return logSoftmax(graph, x);
    return graph.node(name, [x], x.element, x.shape, { attributes: { axis: x.shape.length - 1 } });
  });

/** WebGPU has no LogSoftmax; the CPU would compute it. */
function logSoftmax(graph: GraphBuilder, x: Value): Value {
  const last = { axes: graph.indices([x.shape.length - 1]), shape: [...x.shape.slice(0, -1), 1] };
  const reduce = (opType: string, value: Value) =>
    graph.node(opType, [value, last.axes], x.element, last.shape, { attributes: { keepdims: 1 } });
  const shifted = graph.node('Sub', [x, reduce('ReduceMax', x)], x.element, x.shape);
  const sums = reduce('ReduceSum', graph.node('Exp', [shifted], x.element, x.shape));
  return graph.node('Sub', [shifted, graph.node('Log', [sums], x.element, last.shape)], x.element, x.shape);
}

kernel('Cumsum', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const axis = graph.constant('int32', [], Int32Array.of(Number(attributes.axis)));
  return graph.node('CumSum', [x, axis], x.element, x.shape, {
    attributes: { exclusive: attributes.exclusive ? 1 : 0, reverse: attributes.reverse ? 1 : 0 },
  });
});

kernel('TopK', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const k = Number(attributes.k);
  const shape = [...x.shape.slice(0, -1), k];
  const [values, indices] = graph.nodes(
    'TopK',
    [x, graph.indices([k])],
    [
      { element: x.element, shape },
      { element: 'int64', shape },
    ],
    { attributes: { axis: x.shape.length - 1, sorted: 1 } },
  );
  return [values!, cast(graph, indices!, 'int32')];
});
