import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import type { HostTensor } from '../../../core/engine/host';
import { f32 } from '../../../core/engine/host';
import { factorTruncated, toFactors, type FactoredMatrices } from '../../../core/engine/linalg/factor';
import { matmul } from '../../../core/engine/linalg/gemm';
import { GramSum, gramRoot } from '../../../core/engine/linalg/gram';
import type { Matrix } from '../../../core/engine/linalg/matrix';
import { frobeniusNorm, matrix, transpose, zeroMatrix } from '../../../core/engine/linalg/matrix';
import { singularValues } from '../../../core/engine/linalg/svd';
import type { Weight, Weighting } from '../../../core/engine/linalg/weighted';
import {
  balancedFactors,
  factorWeighted,
  leadingFactors,
  orderedFactors,
  weightedError,
  weightedSpectrum,
} from '../../../core/engine/linalg/weighted';
import * as make from './matrices';
import { assertBelow, assertClose, distance } from './matrices';

const tensor = ({ rows, cols, data }: Matrix) => f32([rows, cols], Float32Array.from(data));
const plain = ({ shape, data }: HostTensor) => matrix(shape[0]!, shape[1]!, data);
const product = ({ left, right }: FactoredMatrices) => matmul(left, right);
const minus = (a: Matrix, b: Matrix) =>
  matrix(
    a.rows,
    a.cols,
    a.data.map((value, i) => value - b.data[i]!),
  );

/** x [channels, samples]: its Gram matrix x xᵀ, as calibration sums it. */
async function gramOf(x: Matrix): Promise<Matrix> {
  const sum = new GramSum(x.rows);
  await sum.add(transpose(x).data);
  return sum.matrix;
}

const rootOf = async (x: Matrix) => gramRoot('of a test', await gramOf(x));
/** ‖(w - w') x‖ */
const outputError = async (w: Matrix, approximation: Matrix, x: Matrix) =>
  frobeniusNorm(await matmul(minus(w, approximation), x));

/** Golden numbers, computed with numpy in double precision: a dead channel, and fewer directions than channels. */
const X = matrix(4, 3, [1, 0, 2, 2, 1, 0, 0, 0, 0, 0, 1, 1]);
const W = matrix(3, 4, [1, 2, 3, 4, 0, 1, 0, 1, 2, 0, 5, 1]);

describe('the best approximation of the outputs', () => {
  it('has the error that numpy finds, where a channel is dead', async () => {
    const inputs = await rootOf(X);
    const ordered = await orderedFactors(tensor(W), 3, { inputs });
    assertClose(ordered.values, [11.311409, 2.797744, 0.473987], 1e-5);
    const errors = [];
    for (const rank of [1, 2, 3]) {
      for (const made of [await balancedFactors(ordered, rank), leadingFactors(ordered, rank)])
        errors.push(await outputError(W, await product(made), X));
    }
    assertClose(errors, [2.837611, 2.837611, 0.473987, 0.473987, 0, 0], 2e-6);
    const unweighted = [];
    for (const rank of [1, 2]) {
      const { u, v } = await factorTruncated(tensor(W), rank);
      unweighted.push(await outputError(W, await matmul(plain(u), plain(v)), X));
    }
    assertClose(unweighted, [4.630947, 0.633909], 1e-5);
  });

  it('is that of a direct solution, and no other of its rank is better', async () => {
    const size = fc.integer({ min: 1, max: 12 });
    await fc.assert(
      fc.asyncProperty(
        size,
        size,
        fc.integer({ min: 1, max: 30 }),
        fc.nat(),
        fc.boolean(),
        async (m, n, samples, seed, both) => {
          const w = plain(tensor(make.gaussian(m, n, seed)));
          const x = make.gaussian(n, samples, seed + 1);
          const weighting: Weighting = {
            inputs: await rootOf(x),
            ...(both && { outputs: await rootOf(make.gaussian(m, m + 5, seed + 2)) }),
          };
          const norm = async (error: Matrix) => {
            const right = await matmul(error, weighting.inputs!);
            return frobeniusNorm(weighting.outputs ? await matmul(weighting.outputs, right, { transA: true }) : right);
          };
          const rank = 1 + (seed % Math.min(m, n));
          const ordered = await orderedFactors(tensor(w), Math.min(m, n), weighting);
          // The least error that any matrix of that rank has: the tail of the singular values (Eckart and Young).
          const whole = weighting.outputs ? await matmul(weighting.outputs, w, { transA: true }) : w;
          const s = await singularValues(await matmul(whole, weighting.inputs!));
          const least = Math.hypot(...s.subarray(rank));
          assertClose(await weightedSpectrum(tensor(w), weighting), s, 1e-9 * s[0]!);
          for (const made of [await balancedFactors(ordered, rank), leadingFactors(ordered, rank)]) {
            const error = await norm(minus(w, await product(made)));
            assertBelow(Math.abs(error - least), 1e-7 * s[0]!, 'the distance from the least error');
            for (const step of [1e-3, 0.1]) {
              const shifted = (t: Matrix, by: number) =>
                matrix(
                  t.rows,
                  t.cols,
                  t.data.map((value, i) => value + step * make.gaussian(t.rows, t.cols, by).data[i]!),
                );
              const other = await product({ left: shifted(made.left, seed + 3), right: shifted(made.right, seed + 4) });
              assert.ok((await norm(minus(w, other))) >= error - 1e-9 * s[0]!);
            }
          }
          assertBelow(
            Math.abs(weightedError(ordered, rank) - least / Math.hypot(...s)),
            1e-6,
            'the error that is reported',
          );
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });

  it('does not depend on the scale of the activations', async () => {
    const w = tensor(make.gaussian(9, 7, 3));
    const x = make.gaussian(7, 40, 4);
    const made = [];
    for (const scale of [1, 1e-60, 1e-12, 1e12, 1e60]) {
      const inputs = await rootOf({ ...x, data: x.data.map((value) => value * scale) });
      made.push(await product(await balancedFactors(await orderedFactors(w, 3, { inputs }), 3)));
    }
    for (const other of made) assertBelow(distance(other, made[0]!), 1e-9, 'the distance');
  });

  it('takes fewer samples than channels: exact on these, and best for the weight beyond them', async () => {
    const w = make.gaussian(12, 16, 5);
    const x = make.gaussian(16, 5, 6);
    const ordered = await orderedFactors(tensor(w), 12, { inputs: await rootOf(x) });
    const five = await product(await balancedFactors(ordered, 5));
    assertBelow((await outputError(w, five, x)) / frobeniusNorm(await matmul(w, x)), 1e-5, 'the error on the samples');
    // What is left of the rank goes to what no sample has seen, by plain singular values.
    const eight = await product(await balancedFactors(ordered, 8));
    const rest = await singularValues(minus(w, five));
    assertBelow(
      Math.abs(frobeniusNorm(minus(w, eight)) - Math.hypot(...rest.subarray(3))),
      1e-3 * frobeniusNorm(w),
      'the distance from the best continuation',
    );
  });

  it('is the plain one where nothing was seen, and keeps what it can of loud and silent channels', async () => {
    const w = make.gaussian(8, 6, 7);
    const { u, v } = await factorTruncated(tensor(w), 3);
    assert.equal(await rootOf(zeroMatrix(6, 10)), undefined);
    const silent = await factorWeighted(tensor(w), 3, { inputs: undefined }, 'balanced');
    assertBelow(
      distance(await matmul(plain(silent.u), plain(silent.v)), await matmul(plain(u), plain(v))),
      1e-5,
      'the distance',
    );
    const x = make.gaussian(6, 50, 8);
    for (let j = 0; j < 50; j++) {
      x.data[j] = 0;
      x.data[50 + j]! *= 1e4;
    }
    const made = await factorWeighted(tensor(w), 3, { inputs: await rootOf(x) }, 'balanced');
    for (const value of [...made.u.data, ...made.v.data]) assert.ok(Math.abs(value) < 65504);
    const errors = [];
    for (const factors of [made, { u, v }])
      errors.push(await outputError(w, await matmul(plain(factors.u), plain(factors.v)), x));
    assert.ok(errors[0]! <= errors[1]!, errors.join(' and '));
  });

  it('leaves a weight as it is at its full rank, full or factored, tall or wide', async () => {
    for (const [m, n] of [
      [9, 5],
      [5, 9],
      [6, 6],
      [1, 4],
      [4, 1],
    ] as const) {
      const w = plain(tensor(make.gaussian(m, n, 9)));
      const weighting = {
        inputs: await rootOf(make.gaussian(n, 3, 10)),
        outputs: await rootOf(make.gaussian(m, 50, 11)),
      };
      const full = Math.min(m, n);
      for (const order of ['balanced', 'nested'] as const) {
        const made = await factorWeighted(tensor(w), full, weighting, order);
        assertBelow(distance(await matmul(plain(made.u), plain(made.v)), w), 2e-6 * frobeniusNorm(w), `${m} x ${n}`);
        assertBelow(made.relativeError, 2e-6, 'the error that is reported');
      }
    }
  });
});

describe('a factored weight', () => {
  const factors = { u: tensor(make.gaussian(14, 6, 1)), v: tensor(make.gaussian(6, 10, 2)) };
  const squat = { u: tensor(make.gaussian(4, 6, 1)), v: tensor(make.gaussian(6, 10, 2)) };

  for (const [name, weight] of Object.entries({ 'with few columns': factors, 'with few rows': squat }))
    it(`${name} is truncated as its product is`, async () => {
      const whole = await matmul(plain(weight.u), plain(weight.v));
      const m = whole.rows;
      const inputs = await rootOf(make.gaussian(10, 30, 3));
      const outputs = await rootOf(make.gaussian(m, 30, 4));
      for (const weighting of [{ inputs }, { inputs, outputs }]) {
        const made = await Promise.all(
          [weight as Weight, tensor(whole)].map(async (from) =>
            balancedFactors(await orderedFactors(from, 3, weighting), 3),
          ),
        );
        assertBelow(distance(await product(made[0]!), await product(made[1]!)), 1e-5, 'the distance');
        const { relativeError } = await factorWeighted(weight, 3, weighting, 'balanced');
        const real = distance(await product(made[0]!), whole) / frobeniusNorm(whole);
        assertBelow(Math.abs(relativeError - real), 1e-6, 'the error that is reported');
      }
    });

  it('stays what it is at its own rank', async () => {
    const whole = await matmul(plain(factors.u), plain(factors.v));
    const weighting = {
      inputs: await rootOf(make.gaussian(10, 4, 3)),
      outputs: await rootOf(make.gaussian(14, 30, 4)),
    };
    const { u, v } = await factorWeighted(factors, 6, weighting, 'balanced');
    assertBelow(distance(await matmul(plain(u), plain(v)), whole), 1e-5, 'the distance');
  });

  it('cannot get a rank above its own', async () => {
    await assert.rejects(orderedFactors(factors, 7, {}), /ranks from 1 to 6, not 7/);
  });
});

describe('the order of factors', () => {
  it("is that of the decomposition if 'nested': the first columns and rows are the best of their rank", async () => {
    const w = make.gaussian(20, 15, 1);
    const x = make.withScales(make.gaussian(15, 40, 2), (i) => 2 ** (i - 7));
    const weighting = { inputs: await rootOf(x) };
    const ordered = await orderedFactors(tensor(w), 10, weighting);
    const whole = leadingFactors(ordered, 10);
    for (const rank of [1, 4, 9]) {
      const left = make.gaussian(20, rank);
      for (let i = 0; i < 20; i++) left.data.set(whole.left.data.subarray(i * 10, i * 10 + rank), i * rank);
      const cut = await matmul(left, { rows: rank, cols: 15, data: whole.right.data.subarray(0, rank * 15) });
      const best = await product(await balancedFactors(await orderedFactors(tensor(w), rank, weighting), rank));
      const errors = [await outputError(w, cut, x), await outputError(w, best, x)];
      assertBelow(Math.abs(errors[0]! - errors[1]!) / errors[1]!, 1e-6, 'the difference');
    }
    for (let k = 0; k < 10; k++) {
      const column = Math.hypot(...Array.from({ length: 20 }, (_, i) => whole.left.data[i * 10 + k]!));
      const row = Math.hypot(...whole.right.data.subarray(k * 15, (k + 1) * 15));
      assertBelow(Math.abs(column / row - 1), 1e-12, 'the difference of the lengths');
    }
  });

  it("is by plain singular values, shared evenly, if 'balanced'", async () => {
    const weighting = { inputs: await rootOf(make.withScales(make.gaussian(15, 40, 2), (i) => 10 ** (i / 5))) };
    const { u, v } = await factorWeighted(tensor(make.gaussian(20, 15, 1)), 6, weighting, 'balanced');
    const grams = [
      await matmul(plain(u), plain(u), { transA: true }),
      await matmul(plain(v), plain(v), { transB: true }),
    ];
    assertBelow(distance(grams[0]!, grams[1]!) / frobeniusNorm(grams[0]!), 1e-5, 'the difference of the Gram matrices');
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < i; j++) assertBelow(Math.abs(grams[0]!.data[i * 6 + j]!), 1e-4, 'a product');
  });

  it('fixes the signs: the largest entry of each column is positive', async () => {
    const w = make.gaussian(9, 8, 1);
    const negative = { ...w, data: w.data.map((value) => -value) };
    for (const from of [w, negative]) {
      const made = [
        await factorTruncated(tensor(from), 4),
        await factorWeighted(tensor(from), 4, {}, 'balanced'),
        toFactors(leadingFactors(await orderedFactors(tensor(from), 4, {}), 4)),
      ];
      for (const { u } of made)
        for (let k = 0; k < 4; k++) {
          const column = Array.from({ length: 9 }, (_, i) => u.data[i * 4 + k]!);
          assert.equal(Math.max(...column), Math.max(...column.map(Math.abs)));
        }
    }
  });
});

describe('Gram matrices', () => {
  it('add up over batches in double precision, whatever their sizes', async () => {
    const x = make.gaussian(37, 6, 1);
    const whole = await matmul(x, x, { transA: true });
    const sum = new GramSum(6);
    for (const [from, to] of [
      [0, 10],
      [10, 11],
      [11, 37],
    ] as const)
      await sum.add(x.data.subarray(from * 6, to * 6));
    assertBelow(distance(sum.matrix, whole), 1e-12, 'the distance');
    assert.equal(sum.rows, 37);
    await assert.rejects(sum.add([1, 2, 3]), RangeError);
  });

  it('that are not finite are refused by their name', async () => {
    const g = await gramOf(X);
    g.data[5] = NaN;
    await assert.rejects(gramRoot('of the inputs of model.layers.0.mlp.up_proj', g), {
      code: 'linalg.not-finite',
      message: /inputs of model\.layers\.0\.mlp\.up_proj holds NaN at row 1, column 1/,
    });
    await assert.rejects(gramRoot('g', matrix(2, 2, [1, 2, 2, 1])), { code: 'linalg.not-positive-definite' });
  });
});
