import { sizeOf } from '../../host';
import type { GraphBuilder, Value } from '../../onnx/graph';
import { kernel, need, TraceError } from '../backend';
import { cast, constantLike, expand } from './elementwise';
import { reshape } from './shape';

kernel('GatherV2', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const indices = need(inputs, 'indices');
  const axis = Number(attributes.axis) < 0 ? x.shape.length + Number(attributes.axis) : Number(attributes.axis);
  const batchDims = Number(attributes.batchDims ?? 0);
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
  if (batchDims === 0) return graph.node('Gather', [x, indices], x.element, shape, { attributes: { axis } });
  if (batchDims !== axis)
    throw new TraceError(
      `gather with batchDims ${batchDims} and axis ${axis}: transpose first so that the two are equal`,
    );
  return graph.node(
    'GatherND',
    [x, cast(graph, reshape(graph, indices, [...indices.shape, 1]), 'int64')],
    x.element,
    shape,
    {
      attributes: { batch_dims: batchDims },
    },
  );
});

kernel('GatherNd', ({ graph, inputs }) => {
  const params = need(inputs, 'params');
  const indices = need(inputs, 'indices');
  const depth = indices.shape.at(-1)!;
  const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
  return graph.node('GatherND', [params, cast(graph, indices, 'int64')], params.element, shape);
});

/**
 * data[indices[i], :] += updates[i, :]. Not ScatterND, which adds in parallel and loses some of the additions to the
 * same row; ScatterElements adds one after another.
 */
function scatterAddRows(graph: GraphBuilder, data: Value, indices: Value, updates: Value): Value {
  const column = reshape(graph, indices, [indices.shape[0]!, ...updates.shape.slice(1).map(() => 1)]);
  const everywhere = expand(graph, column, updates.shape);
  return graph.node('ScatterElements', [data, everywhere, updates], data.element, data.shape, {
    attributes: { axis: 0, reduction: 'add' },
  });
}

kernel('UnsortedSegmentSum', ({ graph, inputs, attributes }) => {
  // The gradient of a gather: rows of x summed by segment.
  const x = need(inputs, 'x');
  const segments = need(inputs, 'segmentIds');
  const shape = [Number(attributes.numSegments), ...x.shape.slice(1)];
  return scatterAddRows(graph, expand(graph, constantLike(graph, x, 0), shape), segments, x);
});

kernel('ScatterNd', ({ graph, inputs, attributes }) => {
  const indices = need(inputs, 'indices');
  const updates = need(inputs, 'updates');
  const shape = attributes.shape as number[];
  const depth = indices.shape.at(-1)!;
  // The leading `depth` axes become one, so that a single index addresses a row.
  const rows = shape.slice(0, depth);
  const strides = rows.map((_, axis) => rows.slice(axis + 1).reduce((product, length) => product * length, 1));
  const count = sizeOf(indices.shape) / depth;
  const weighted = graph.node(
    'Mul',
    [reshape(graph, indices, [count, depth]), graph.constant('int32', [depth], Int32Array.from(strides))],
    'int32',
    [count, depth],
  );
  const flat = graph.node('ReduceSum', [weighted, graph.indices([1])], 'int32', [count], {
    attributes: { keepdims: 0 },
  });
  const rest = shape.slice(depth);
  const width = sizeOf(rest);
  const zeros = expand(graph, constantLike(graph, updates, 0), [sizeOf(rows), width]);
  return reshape(graph, scatterAddRows(graph, zeros, flat, reshape(graph, updates, [count, width])), shape);
});

kernel('TensorScatterUpdate', ({ graph, inputs }) => {
  const tensor = need(inputs, 'tensor');
  return graph.node(
    'ScatterND',
    [tensor, cast(graph, need(inputs, 'indices'), 'int64'), need(inputs, 'updates')],
    tensor.element,
    tensor.shape,
  );
});

kernel('OneHot', ({ graph, inputs, attributes }) => {
  const indices = need(inputs, 'indices');
  const depth = Number(attributes.depth);
  const element = attributes.dtype === 'int32' || attributes.dtype === 'bool' ? attributes.dtype : 'float32';
  const shape = [...indices.shape, depth];
  // By comparison: ONNX's OneHot counts negative indices from the end, where tf.js gives a row of `off`.
  const classes = graph.constant(
    'int32',
    [depth],
    Int32Array.from({ length: depth }, (_, i) => i),
  );
  const hit = graph.node('Equal', [reshape(graph, indices, [...indices.shape, 1]), classes], 'bool', shape);
  // ONNX's Where does not support bools.
  const like: Value = { name: '', element: element === 'bool' ? 'int32' : element, shape };
  const [on, off] = [attributes.onValue, attributes.offValue].map((value) => constantLike(graph, like, Number(value)));
  return cast(graph, graph.node('Where', [hit, on!, off!], like.element, shape), element);
});
