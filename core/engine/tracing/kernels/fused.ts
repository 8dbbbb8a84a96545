import { sizeOf } from '../../host';
import type { Value } from '../../onnx/graph';
import { kernel, listInputs, need } from '../backend';
import { cast, constantLike } from './elementwise';
import { matMul } from './matmul';
import { reshape } from './shape';

// Kernels that tf.js does not have and that ONNX Runtime computes in one pass. `../../ops` calls them while a step is
// traced, and computes the same with ordinary tf.js operators everywhere else.

/** Statistics over the last axis, which keeps length 1. */
const statistics = (x: Value) => ({ element: 'float32', shape: [...x.shape.slice(0, -1), 1] }) as const;

kernel('FusedRmsNorm', ({ graph, target, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const epsilon = Number(attributes.epsilon);
  const operands = [x, need(inputs, 'weight')];
  const options = { attributes: { axis: -1, epsilon: { float: epsilon } } };
  const { element, shape } = statistics(x);
  // The operator's second result is 1 / sqrt(mean(x²) + epsilon), but WebGPU writes something else there.
  if (target === 'cuda') return graph.nodes('SimplifiedLayerNormalization', operands, [x, { element, shape }], options);
  const value = graph.node('SimplifiedLayerNormalization', operands, x.element, x.shape, options);
  const squares = graph.node('ReduceSumSquare', [x, graph.indices([x.shape.length - 1])], element, shape);
  const mean = graph.node('Mul', [squares, constantLike(graph, x, 1 / x.shape.at(-1)!)], element, shape);
  if (target === 'webgpu') {
    const shifted = graph.node('Add', [mean, constantLike(graph, x, epsilon)], element, shape);
    return [value, graph.node('Pow', [shifted, constantLike(graph, x, -0.5)], element, shape)];
  }
  const root = graph.node(
    'Sqrt',
    [graph.node('Add', [mean, constantLike(graph, x, epsilon)], element, shape)],
    element,
    shape,
  );
  return [value, graph.node('Reciprocal', [root], element, shape)];
});

kernel('FusedLayerNorm', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  return graph.nodes(
    'LayerNormalization',
    [x, need(inputs, 'weight'), need(inputs, 'bias')],
    [x, statistics(x), statistics(x)],
    { attributes: { axis: -1, epsilon: { float: Number(attributes.epsilon) } } },
  );
});

kernel('FusedGelu', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  return graph.node('Gelu', [x], x.element, x.shape);
});

kernel('FusedRotary', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  const [cos, sin] = ['cos', 'sin'].map((table) => cast(graph, need(inputs, table), x.element));
  const rotation = [cast(graph, need(inputs, 'positions'), 'int64'), cos!, sin!];
  return graph.node('RotaryEmbedding', [x, ...rotation], x.element, x.shape, { domain: 'com.microsoft' });
});

/** Neighbors of float16 are joined before they are converted: that is one node for all of them. */
kernel('Join', ({ graph, inputs }) => {
  const values = listInputs(inputs);
  if (values.every(({ element }) => element === 'float16')) return graph.join(values);
  const runs: Value[][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.[0]!.element === value.element) last.push(value);
    else runs.push([value]);
  }
  return graph.join(
    runs.flatMap((run) => (run[0]!.element === 'float16' ? [cast(graph, graph.join(run), 'float32')] : run)),
  );
});

kernel('Parts', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  let offset = 0;
  return (attributes.shapes as number[][]).map((shape) => {
    const part = graph.part(x, offset, shape);
    offset += sizeOf(shape);
    return part;
  });
});

kernel('ScaledMatMul', ({ graph, target, inputs, attributes }) =>
  matMul(
    graph,
    need(inputs, 'a'),
    need(inputs, 'b'),
    Boolean(attributes.transposeA),
    Boolean(attributes.transposeB),
    Number(attributes.alpha),
    target,
  ),
);

/** x[i, column[i]] of every row: [N, V], [N] -> [N]. */
kernel('PickColumn', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  const rows = x.shape[0]!;
  const columns = reshape(graph, need(inputs, 'columns'), [rows, 1]);
  const picked = graph.node('GatherElements', [x, columns], x.element, [rows, 1], { attributes: { axis: 1 } });
  return reshape(graph, picked, [rows]);
});

/** x with `updates[i]` added at [i, column[i]]: one element per row, so additions never collide. */
kernel('AddAtColumn', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  const rows = x.shape[0]!;
  const [columns, updates] = ['columns', 'updates'].map((name) => reshape(graph, need(inputs, name), [rows, 1]));
  return graph.node('ScatterElements', [x, columns!, updates!], x.element, x.shape, {
    attributes: { axis: 1, reduction: 'add' },
  });
});
