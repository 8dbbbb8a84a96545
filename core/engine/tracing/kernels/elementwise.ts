import { util } from '@tensorflow/tfjs-core';
import type { Element } from '../../onnx/proto';
import type { GraphBuilder, Value } from '../../onnx/graph';
import { kernel, listInputs, need, TraceError } from '../backend';

/** The result shape of a binary operator: axes are aligned from the last, and a length of 1 is broadcast. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const m = a[axis - rank + a.length] ?? 1;
    const n = b[axis - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1)
      throw new TraceError(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return m === 1 ? n : m;
  });
}

const broadcast = (a: Value, b: Value): number[] => broadcastShapes(a.shape, b.shape);

export const cast = (graph: GraphBuilder, x: Value, element: Element): Value => graph.cast(x, element);

const ONNX_NUMBERS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** A scalar constant of the same type as `like`. */
export function constantLike(graph: GraphBuilder, like: Value, value: number): Value {
  if (like.element === 'float16') return graph.cast(graph.constant('float32', [], Float32Array.of(value)), 'float16');
  const element = like.element as keyof typeof ONNX_NUMBERS;
  return graph.constant(element, [], ONNX_NUMBERS[element].of(value));
}

const sameShape = (value: Value, shape: readonly number[]) => util.arraysEqual([...value.shape], [...shape]);

type Peephole = (graph: GraphBuilder, a: Value, b: Value) => Value | undefined;

export const expand = (graph: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  sameShape(x, shape) ? x : graph.node('Expand', [x, graph.indices(shape)], x.element, shape);

const isUniform = (graph: GraphBuilder, value: Value, number: number) => graph.uniformConstant(value) === number;

/** x+0, x*1, x-0, x/1: autodiff creates dozens of them, and each would cost a pass over memory. */
const withoutNeutral =
  (neutral: number, commutes: boolean): Peephole =>
  (graph, a, b) => {
    const shape = broadcast(a, b);
    if (isUniform(graph, b, neutral) && sameShape(a, shape)) return a;
    if (commutes && isUniform(graph, a, neutral) && sameShape(b, shape)) return b;
    return undefined;
  };

const ON_BOOLS = new Set(['Equal', 'And', 'Or']);

/** tf.js can add and compare bools; ONNX has no such operators, and the sum of two bools is ill-defined. */
function needNumbers(...values: Value[]): void {
  if (values.some(({ element }) => element === 'bool'))
    throw new TraceError('bool tensors are not numbers: cast them to int32 or float32 first');
}

function binary(name: string, opType: string, result?: Element, peephole?: Peephole): void {
  kernel(name, ({ graph, inputs }) => {
    const a = need(inputs, 'a');
    const b = need(inputs, 'b');
    if (!ON_BOOLS.has(opType)) needNumbers(a, b);
    const simpler = peephole?.(graph, a, b);
    return simpler ?? graph.node(opType, [a, b], result ?? a.element, broadcast(a, b));
  });
}

binary('Add', 'Add', undefined, withoutNeutral(0, true));
binary('Sub', 'Sub', undefined, withoutNeutral(0, false));
binary('Multiply', 'Mul', undefined, withoutNeutral(1, true));
binary('RealDiv', 'Div', undefined, withoutNeutral(1, false));
binary('Maximum', 'Max');
binary('Minimum', 'Min');
binary('Equal', 'Equal', 'bool');
binary('Greater', 'Greater', 'bool');
binary('GreaterEqual', 'GreaterOrEqual', 'bool');
binary('Less', 'Less', 'bool');
binary('LessEqual', 'LessOrEqual', 'bool');
binary('LogicalAnd', 'And', 'bool');
binary('LogicalOr', 'Or', 'bool');

kernel('NotEqual', ({ graph, inputs }) => {
  const a = need(inputs, 'a');
  const b = need(inputs, 'b');
  const shape = broadcast(a, b);
  return graph.node('Not', [graph.node('Equal', [a, b], 'bool', shape)], 'bool', shape);
});

kernel('Pow', ({ graph, inputs }) => {
  const a = need(inputs, 'a');
  const b = need(inputs, 'b');
  needNumbers(a, b);
  const shape = broadcast(a, b);
  // WebGPU's Pow broadcasts scalars, but fails on most other shapes that differ.
  const operands = [a, b].map((value) => (value.shape.length === 0 ? value : expand(graph, value, shape)));
  return graph.node('Pow', operands, a.element, shape);
});

kernel('SquaredDifference', ({ graph, inputs }) => {
  const a = need(inputs, 'a');
  const b = need(inputs, 'b');
  needNumbers(a, b);
  const difference = graph.node('Sub', [a, b], a.element, broadcast(a, b));
  return graph.node('Mul', [difference, difference], a.element, difference.shape);
});

/** floor(a / b), exact for integers, where ONNX's Div rounds toward zero. */
function floorDivide(graph: GraphBuilder, a: Value, b: Value): Value {
  needNumbers(a, b);
  const shape = broadcast(a, b);
  const quotient = graph.node('Div', [a, b], a.element, shape);
  if (a.element === 'float32') return graph.node('Floor', [quotient], 'float32', shape);
  const zero = constantLike(graph, a, 0);
  const remainder = graph.node('Sub', [a, graph.node('Mul', [quotient, b], a.element, shape)], a.element, shape);
  const inexact = graph.node('Not', [graph.node('Equal', [remainder, zero], 'bool', shape)], 'bool', shape);
  const signs = [remainder, b].map((value) => graph.node('Less', [value, zero], 'bool', value.shape));
  const opposite = graph.node('Xor', signs, 'bool', shape);
  const tooHigh = graph.node('And', [inexact, opposite], 'bool', shape);
  return graph.node('Sub', [quotient, cast(graph, tooHigh, 'int32')], a.element, shape);
}

// The results are integers, as with tf.js's own kernels.
kernel('FloorDiv', ({ graph, inputs }) =>
  cast(graph, floorDivide(graph, need(inputs, 'a'), need(inputs, 'b')), 'int32'),
);
kernel('Mod', ({ graph, inputs }) => {
  const a = need(inputs, 'a');
  const b = need(inputs, 'b');
  const whole = graph.node('Mul', [floorDivide(graph, a, b), b], a.element, broadcast(a, b));
  return graph.node('Sub', [a, whole], a.element, whole.shape);
});

/** A function of real numbers: integers are converted first. */
function unary(name: string, opType: string, result?: Element): void {
  kernel(name, ({ graph, inputs }) => {
    const given = need(inputs, 'x');
    const x = given.element === 'float16' ? given : cast(graph, given, 'float32');
    return graph.node(opType, [x], result ?? x.element, x.shape);
  });
}

for (const name of ['Abs', 'Neg', 'Sign', 'Relu'])
  kernel(name, ({ graph, inputs }) => {
    const x = need(inputs, 'x');
    needNumbers(x);
    return graph.node(name, [x], x.element, x.shape);
  });

unary('Exp', 'Exp');
unary('Log', 'Log');
unary('Sqrt', 'Sqrt');
unary('Sigmoid', 'Sigmoid');
unary('Tanh', 'Tanh');
unary('Erf', 'Erf');
unary('Selu', 'Selu');
unary('Elu', 'Elu');
unary('Softplus', 'Softplus');
unary('Floor', 'Floor');
unary('Ceil', 'Ceil');
unary('Round', 'Round');
unary('Sin', 'Sin');
unary('Cos', 'Cos');
unary('Tan', 'Tan');
unary('Atan', 'Atan');
unary('Sinh', 'Sinh');
unary('Cosh', 'Cosh');
unary('IsNan', 'IsNaN', 'bool');
unary('IsInf', 'IsInf', 'bool');
unary('Reciprocal', 'Reciprocal');

kernel('LogicalNot', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  return graph.node('Not', [x], 'bool', x.shape);
});

kernel('Prelu', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  return graph.node('PRelu', [x, need(inputs, 'alpha')], x.element, x.shape);
});

kernel('Rsqrt', ({ graph, inputs }) => {
  const x = cast(graph, need(inputs, 'x'), 'float32');
  return graph.node('Reciprocal', [graph.node('Sqrt', [x], x.element, x.shape)], x.element, x.shape);
});

kernel('Square', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  needNumbers(x);
  return graph.node('Mul', [x, x], x.element, x.shape);
});

kernel('Expm1', ({ graph, inputs }) => {
  // 2 tanh(x/2) / (1 - tanh(x/2)) is accurate near zero, exp(x) - 1 elsewhere.
  const x = cast(graph, need(inputs, 'x'), 'float32');
  const one = constantLike(graph, x, 1);
  const near = graph.node('Less', [graph.node('Abs', [x], x.element, x.shape), one], 'bool', x.shape);
  const far = graph.node('Sub', [graph.node('Exp', [x], x.element, x.shape), one], x.element, x.shape);
  const t = graph.node(
    'Tanh',
    [graph.node('Mul', [x, constantLike(graph, x, 0.5)], x.element, x.shape)],
    x.element,
    x.shape,
  );
  const numerator = graph.node('Add', [t, t], x.element, x.shape);
  const denominator = graph.node('Sub', [one, t], x.element, x.shape);
  const quotient = graph.node('Div', [numerator, denominator], x.element, x.shape);
  return graph.node('Where', [near, quotient, far], x.element, x.shape);
});

kernel('Log1p', ({ graph, inputs }) => {
  // Kahan's log(u) * x / (u - 1) with u = 1 + x: unlike log(1 + x), it is accurate near zero.
  const x = cast(graph, need(inputs, 'x'), 'float32');
  const one = constantLike(graph, x, 1);
  const u = graph.node('Add', [x, one], x.element, x.shape);
  const rounded = graph.node('Sub', [u, one], x.element, x.shape);
  const tiny = graph.node('Equal', [rounded, constantLike(graph, x, 0)], 'bool', x.shape);
  const divisor = graph.node('Where', [tiny, one, rounded], x.element, x.shape);
  const ratio = graph.node('Div', [x, divisor], x.element, x.shape);
  const product = graph.node('Mul', [graph.node('Log', [u], x.element, x.shape), ratio], x.element, x.shape);
  return graph.node('Where', [tiny, x, product], x.element, x.shape);
});

kernel('Relu6', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  return graph.node('Clip', [x, constantLike(graph, x, 0), constantLike(graph, x, 6)], x.element, x.shape);
});

kernel('ClipByValue', ({ graph, inputs, attributes }) => {
  const x = need(inputs, 'x');
  const limits = [Number(attributes.clipValueMin), Number(attributes.clipValueMax)];
  return graph.node('Clip', [x, ...limits.map((limit) => constantLike(graph, x, limit))], x.element, x.shape);
});

kernel('LeakyRelu', ({ graph, inputs, attributes }) => {
  const x = cast(graph, need(inputs, 'x'), 'float32');
  return graph.node('LeakyRelu', [x], x.element, x.shape, {
    attributes: { alpha: { float: Number(attributes.alpha) } },
  });
});

kernel('Step', ({ graph, inputs, attributes }) => {
  // 1 where x > 0, alpha where x < 0; NaN stays NaN, as in tf.js.
  const x = cast(graph, need(inputs, 'x'), 'float32');
  const zero = constantLike(graph, x, 0);
  const positive = graph.node('Greater', [x, zero], 'bool', x.shape);
  const stepped = graph.node(
    'Where',
    [positive, constantLike(graph, x, 1), constantLike(graph, x, Number(attributes.alpha ?? 0))],
    x.element,
    x.shape,
  );
  return graph.node('Where', [graph.node('IsNaN', [x], 'bool', x.shape), x, stepped], x.element, x.shape);
});

kernel('Identity', ({ inputs }) => need(inputs, 'x'));

kernel('Cast', ({ graph, inputs, attributes }) => {
  const to = attributes.dtype;
  if (to !== 'float32' && to !== 'int32' && to !== 'bool') throw new TraceError(`cannot cast to '${String(to)}'`);
  return cast(graph, need(inputs, 'x'), to);
});

kernel('Select', ({ graph, inputs }) => {
  const condition = need(inputs, 'condition');
  const t = need(inputs, 't');
  const e = need(inputs, 'e');
  const shape = broadcastShapes(condition.shape.length === 1 ? [] : condition.shape, broadcast(t, e));
  // A one-dimensional condition on tensors of higher rank selects whole rows.
  const rows =
    condition.shape.length === 1 && t.shape.length > 1
      ? graph.node(
          'Reshape',
          [condition, graph.indices([condition.shape[0]!, ...t.shape.slice(1).map(() => 1)])],
          'bool',
          [condition.shape[0]!, ...t.shape.slice(1).map(() => 1)],
        )
      : condition;
  if (t.element !== 'bool') return graph.node('Where', [rows, t, e], t.element, shape);
  const chosen = graph.node('And', [rows, t], 'bool', shape);
  const other = graph.node('And', [graph.node('Not', [rows], 'bool', rows.shape), e], 'bool', shape);
  return graph.node('Or', [chosen, other], 'bool', shape);
});

kernel('AddN', ({ graph, target, inputs }) => {
  const [first, ...rest] = listInputs(inputs);
  needNumbers(first!, ...rest);
  if (first!.element !== 'int32' && target !== 'webgpu')
    return graph.node('Sum', [first!, ...rest], first!.element, first!.shape);
  // ONNX's Sum is for floats only, and WebGPU has none.
  return rest.reduce((total, value) => graph.node('Add', [total, value], total.element, total.shape), first!);
});
