import { sizeOf } from '../../host';
import type { GraphBuilder, Value } from '../../onnx/graph';
import { kernel, need, type Target, TraceError } from '../backend';
import { broadcastShapes, constantLike } from './elementwise';
import { reshape, transpose } from './shape';

/**
 * alpha * op(a) op(b) over the last two axes, where op transposes or does nothing; leading axes are broadcast. One
 * matrix goes to Gemm, a batch to FusedMatMul: neither materializes a transposed operand. WebGPU has no FusedMatMul.
 */
export function matMul(
  graph: GraphBuilder,
  a: Value,
  b: Value,
  transposeA: boolean,
  transposeB: boolean,
  alpha = 1,
  target: Target = 'cpu',
): Value {
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const m = transposeA ? aColumns : aRows;
  const n = transposeB ? bRows : bColumns;
  const inner = [transposeA ? aRows : aColumns, transposeB ? bColumns : bRows];
  if (inner[0] !== inner[1])
    throw new TraceError(
      `matMul of [${a.shape.join(', ')}]${transposeA ? 'ᵀ' : ''} and [${b.shape.join(', ')}]${transposeB ? 'ᵀ' : ''}: ` +
        `inner lengths ${inner[0]} and ${inner[1]} differ`,
    );
  if (a.element !== b.element || a.element === 'int32' || a.element === 'bool')
    throw new TraceError('matMul is for float32 tensors: cast them first');
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, m, n];
  if (batch.every((length) => length === 1)) {
    const flat = graph.node(
      'Gemm',
      [reshape(graph, a, [aRows, aColumns]), reshape(graph, b, [bRows, bColumns])],
      a.element,
      [m, n],
      {
        attributes: {
          transA: transposeA ? 1 : 0,
          transB: transposeB ? 1 : 0,
          ...(alpha === 1 ? {} : { alpha: { float: alpha } }),
        },
      },
    );
    return reshape(graph, flat, shape);
  }
  // One weight for the whole batch: the batch is treated as more rows.
  if (b.shape.slice(0, -2).every((length) => length === 1) && !transposeA) {
    const rows = sizeOf(batch) * aRows;
    const flat = matMul(
      graph,
      reshape(graph, a, [rows, aColumns]),
      reshape(graph, b, [bRows, bColumns]),
      false,
      transposeB,
      alpha,
      target,
    );
    return reshape(graph, flat, shape);
  }
  if (target === 'webgpu') return plainProduct(graph, a, b, transposeA, transposeB, alpha, shape);
  return graph.node('FusedMatMul', [a, b], a.element, shape, {
    domain: 'com.microsoft',
    attributes: { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } },
  });
}

/** By MatMul and Transpose. Of the operands and the result, the smallest are transposed: a transposition is a pass over memory. */
function plainProduct(
  graph: GraphBuilder,
  a: Value,
  b: Value,
  transposeA: boolean,
  transposeB: boolean,
  alpha: number,
  shape: readonly number[],
): Value {
  const swapped = (value: Value) => transpose(graph, value, swapLast(value.shape.length));
  const scaled = (value: Value) =>
    alpha === 1 ? value : graph.node('Mul', [value, constantLike(graph, value, alpha)], value.element, value.shape);
  const size = { a: sizeOf(a.shape), b: sizeOf(b.shape), result: sizeOf(shape) };
  if (transposeA && !transposeB && size.b + size.result < size.a) {
    // aᵀ b = (bᵀ a)ᵀ
    const turned = [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
    return swapped(graph.node('MatMul', [scaled(swapped(b)), a], a.element, turned));
  }
  const [left, right] = [transposeA ? swapped(a) : a, transposeB ? swapped(b) : b];
  const operands = size.a <= size.b ? [scaled(left), right] : [left, scaled(right)];
  return graph.node('MatMul', operands, a.element, shape);
}

const swapLast = (rank: number): number[] => [...Array(rank - 2).keys(), rank - 1, rank - 2];

kernel('BatchMatMul', ({ graph, target, inputs, attributes }) =>
  matMul(
    graph,
    need(inputs, 'a'),
    need(inputs, 'b'),
    Boolean(attributes.transposeA),
    Boolean(attributes.transposeB),
    1,
    target,
  ),
);
