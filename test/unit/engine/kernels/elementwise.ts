import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../../core/engine/host';
import { f32, i32 } from '../../../../core/engine/host';
import { Draw } from '../both';
import type { Case, Cases } from './case';
import { excused, on } from './case';

const draw = new Draw(1);

const SHAPES = [[], [7], [3, 5], [2, 3, 4], [1, 6, 1], [0, 3]];
const PAIRS = [
  [[], []],
  [[6], [6]],
  [[2, 3], [3]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [5, 1],
    [1, 4],
  ],
  [[], [2, 3]],
  [[2, 2, 3], []],
  [[0, 3], [3]],
] as const;

const SPECIAL = f32([6], [NaN, Infinity, -Infinity, 0, -0, 1]);

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;
type Make = (...shape: number[]) => HostTensor;

const normal: Make = (...shape) => draw.normal(...shape);
const between =
  (low: number, high: number): Make =>
  (...shape) =>
    draw.uniform(low, high, ...shape);
const ints =
  (low: number, high: number): Make =>
  (...shape) =>
    draw.ints(low, high, ...shape);
const bools: Make = (...shape) => draw.bools(...shape);
/** Integers without zero, to divide by. */
const divisors: Make = (...shape) => {
  const { data } = draw.ints(1, 6, ...shape);
  const signs = draw.bools(...shape).data;
  return i32(
    shape,
    data.map((value, i) => (signs[i] === 1 ? value : -value)),
  );
};
/** Multiples of a quarter: quotients of these hit whole numbers, where floor and mod can slip by one. */
const quarters: Make = (...shape) => {
  const { data } = draw.ints(-20, 21, ...shape);
  return f32(
    shape,
    Float32Array.from(data, (value) => value / 4),
  );
};
const quarterDivisors: Make = (...shape) => {
  const { data } = divisors(...shape);
  return f32(
    shape,
    Float32Array.from(data, (value) => value / 4),
  );
};

const unary = (run: Unary, ...makes: Make[]): Case[] =>
  on(run, ...makes.flatMap((make) => SHAPES.map((shape) => [make(...shape)])));
const binary = (run: Binary, ...makes: [Make, Make][]): Case[] =>
  on(run, ...makes.flatMap(([a, b]) => PAIRS.map(([m, n]) => [a(...m), b(...n)])));

/** Around a neutral element: nothing is computed, and the result must still have the right shape. */
const neutral = (run: (x: Tensor, number: Tensor) => Tensor, number: number): Case[] =>
  SHAPES.map((shape) => ({ run: (x: Tensor) => run(x, tf.scalar(number)), inputs: [normal(...shape)] }));

const compared = (run: Binary): Case[] =>
  binary(run, [normal, normal], [ints(-2, 3), ints(-2, 3)], [quarters, quarters]);

export const elementwise: Cases = {
  Add: [
    ...binary(tf.add, [normal, normal], [ints(-9, 9), ints(-9, 9)], [normal, ints(-3, 3)]),
    ...neutral((x, zero) => tf.add(x, zero), 0),
    ...neutral((x, zero) => tf.add(zero, x), 0),
    { run: (x) => tf.add(x, tf.zeros([3, 1])), inputs: [normal(4)] },
  ],
  Sub: [
    ...binary(tf.sub, [normal, normal], [ints(-9, 9), ints(-9, 9)], [ints(-3, 3), normal]),
    ...neutral((x, zero) => tf.sub(x, zero), 0),
    ...neutral((x, zero) => tf.sub(zero, x), 0),
  ],
  Multiply: [
    ...binary(tf.mul, [normal, normal], [ints(-9, 9), ints(-9, 9)], [bools, normal]),
    ...neutral((x, one) => tf.mul(x, one), 1),
    ...neutral((x, one) => tf.mul(one, x), 1),
    { run: (x) => tf.mul(tf.ones([2, 1, 1]), x), inputs: [normal(3)] },
  ],
  RealDiv: [
    ...binary(tf.div, [normal, between(0.5, 2)], [normal, between(-2, -0.5)]),
    ...neutral((x, one) => tf.div(x, one), 1),
    ...neutral((x, one) => tf.div(one, tf.add(tf.abs(x), 1)), 1),
  ],
  FloorDiv: [
    ...binary(tf.floorDiv, [ints(-20, 21), divisors]),
    ...excused(
      'tensorflow',
      'its quotients of floats are floats, as in TensorFlow; those of tf.js are integers',
      binary(tf.floorDiv, [quarters, quarterDivisors], [normal, normal]),
    ),
  ],
  Mod: binary(tf.mod, [ints(-20, 21), divisors], [quarters, quarterDivisors], [normal, between(0.3, 3)]),
  Maximum: compared(tf.maximum),
  Minimum: compared(tf.minimum),
  Pow: [
    ...binary(tf.pow, [between(0.1, 3), normal], [ints(-4, 5), ints(0, 4)]),
    ...unary((x) => tf.pow(x, tf.scalar(2)), normal),
    ...unary((x) => tf.pow(x, tf.scalar(3, 'int32')), normal),
  ],
  SquaredDifference: binary(tf.squaredDifference, [normal, normal], [ints(-9, 9), ints(-9, 9)]),
  Prelu: on(tf.prelu, [normal(4, 3), normal(3)], [normal(2, 3, 5), normal(2, 3, 5)], [normal(2, 3, 5), normal(3, 1)]),
  Equal: [...compared(tf.equal), ...binary(tf.equal, [bools, bools])],
  NotEqual: [...compared(tf.notEqual), ...binary(tf.notEqual, [bools, bools])],
  Greater: compared(tf.greater),
  GreaterEqual: compared(tf.greaterEqual),
  Less: compared(tf.less),
  LessEqual: compared(tf.lessEqual),
  LogicalAnd: binary(tf.logicalAnd, [bools, bools]),
  LogicalOr: binary(tf.logicalOr, [bools, bools]),
  LogicalNot: unary(tf.logicalNot, bools),
  Abs: unary(tf.abs, normal, ints(-9, 9)),
  Neg: unary(tf.neg, normal, ints(-9, 9)),
  Exp: unary(tf.exp, normal),
  Expm1: unary(tf.expm1, normal, between(-1e-4, 1e-4), between(-30, 20)),
  Log: [
    ...unary(tf.log, between(1e-3, 9)),
    ...excused('webgpu', 'its shaders need not know NaN and infinity', on(tf.log, [SPECIAL])),
  ],
  Log1p: unary(tf.log1p, between(-0.9, 9), between(-1e-4, 1e-4), between(-1e-8, 1e-8)),
  Sqrt: unary(tf.sqrt, between(0, 9)),
  Rsqrt: unary(tf.rsqrt, between(0.1, 9)),
  Square: unary(tf.square, normal, ints(-9, 9)),
  Reciprocal: unary(tf.reciprocal, between(0.2, 3), between(-3, -0.2)),
  Sigmoid: unary(tf.sigmoid, normal, between(-40, 40)),
  Tanh: unary(tf.tanh, normal, between(-20, 20)),
  Erf: unary(tf.erf, normal).map((test) => ({ ...test, tolerance: { relative: 1e-5, absolute: 1e-6 } })),
  Relu: unary(tf.relu, normal, ints(-5, 6)),
  Relu6: unary(tf.relu6, between(-3, 9)),
  LeakyRelu: unary((x) => tf.leakyRelu(x, 0.1), normal),
  Selu: unary(tf.selu, normal),
  Elu: unary(tf.elu, normal),
  Softplus: unary(tf.softplus, normal, between(-60, 60)),
  Sign: unary(tf.sign, normal, quarters),
  Step: [
    ...unary((x) => tf.step(x), normal, quarters),
    ...unary((x) => tf.step(x, 0.3), quarters),
    ...on((x) => tf.step(x), [SPECIAL]),
  ],
  Floor: unary(tf.floor, quarters, normal),
  Ceil: unary(tf.ceil, quarters, normal),
  Round: unary(tf.round, quarters, normal),
  Sin: unary(tf.sin, normal),
  Cos: unary(tf.cos, normal),
  Tan: unary(tf.tan, between(-1.4, 1.4)),
  Atan: unary(tf.atan, normal),
  Sinh: unary(tf.sinh, normal),
  Cosh: unary(tf.cosh, normal),
  IsNan: [...unary(tf.isNaN, normal), ...on(tf.isNaN, [SPECIAL])],
  IsInf: [...unary(tf.isInf, normal), ...on(tf.isInf, [SPECIAL])],
  ClipByValue: [
    ...unary((x) => tf.clipByValue(x, -0.5, 0.75), normal),
    ...unary((x) => tf.clipByValue(x, -2, 3), ints(-9, 9)),
  ],
  Identity: unary((x) => tf.clone(x), normal, ints(-5, 5), bools),
  Cast: [
    ...unary((x) => tf.cast(x, 'int32'), quarters, bools),
    ...unary((x) => tf.cast(x, 'float32'), ints(-5, 5), bools),
    ...unary((x) => tf.cast(x, 'bool'), ints(-1, 2), quarters),
  ],
  Select: on(
    (condition, a, b) => tf.where(condition, a, b),
    [draw.bools(5), normal(5), normal(5)],
    [draw.bools(2, 3), normal(2, 3), normal(2, 3)],
    [draw.bools(), normal(), normal()],
    [draw.bools(2, 3), normal(3), normal(2, 1)],
    [draw.bools(2, 1), normal(2, 3), normal(2, 3)],
    [draw.bools(2, 3), ints(-5, 5)(2, 3), ints(-5, 5)(2, 3)],
  ),
  AddN: [
    ...on((...x) => tf.addN(x), [normal(3, 2), normal(3, 2), normal(3, 2)], [normal(), normal()], [normal(4)]),
    ...on((...x) => tf.addN(x), [ints(-5, 5)(3), ints(-5, 5)(3), ints(-5, 5)(3)]),
  ],
};
