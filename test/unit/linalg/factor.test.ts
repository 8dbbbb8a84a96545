import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from '../../fast-check';
import type { HostTensor } from '../../../core/engine/host';
import { f32 } from '../../../core/engine/host';
import type { Factors } from '../../../core/engine/linalg/factor';
import { factorTruncated, refactor } from '../../../core/engine/linalg/factor';
import { matmul } from '../../../core/engine/linalg/gemm';
import type { Matrix } from '../../../core/engine/linalg/matrix';
import { frobeniusNorm, matrix, zeroMatrix } from '../../../core/engine/linalg/matrix';
import { singularValues } from '../../../core/engine/linalg/svd';
import * as make from './matrices';
import { assertBelow, defect, distance } from './matrices';

const tensor = ({ rows, cols, data }: Matrix) => f32([rows, cols], Float32Array.from(data));
const plain = ({ shape, data }: HostTensor) => matrix(shape[0]!, shape[1]!, data);
const whole = ({ u, v }: Factors) => matmul(plain(u), plain(v));
const weight = (m: number, n: number, seed = 1) =>
  make.withSpectrum(
    m,
    n,
    make.spectrum(Math.min(m, n), (i) => 1 / Math.sqrt(i + 1)),
    seed,
  );

test('a weight is factored at the best error, singular values shared evenly or all in v', async () => {
  const w = await weight(50, 80);
  const s = await singularValues(w);
  const best = Math.hypot(...s.subarray(12)) / Math.hypot(...s);
  for (const split of ['even', 'right'] as const) {
    const factored = await factorTruncated(tensor(w), 12, { split });
    assert.deepEqual(
      [factored.u.shape, factored.v.shape],
      [
        [50, 12],
        [12, 80],
      ],
    );
    assertBelow(Math.abs(factored.relativeError - best), 1e-7, 'the distance from the best error');
    assertBelow(Math.abs(distance(await whole(factored), w) / frobeniusNorm(w) - best), 1e-7, 'the real one');
    const lengths = [factored.u, factored.v].map((t) => frobeniusNorm(plain(t)));
    if (split === 'even') assertBelow(Math.abs(lengths[0]! - lengths[1]!), 1e-6, 'the difference of the norms');
    else assertBelow(await defect(plain(factored.u)), 1e-6, 'the defect of u');
  }
});

test('refactoring: both errors are true, and the exact variant is never worse', async () => {
  const size = fc.integer({ min: 2, max: 20 });
  await fc.assert(
    fc.asyncProperty(size, size, size, fc.nat(), async (m, n, inner, seed) => {
      const factors = { u: tensor(make.gaussian(m, inner, seed)), v: tensor(make.gaussian(inner, n, seed + 1)) };
      const old = await whole(factors);
      const rank = 1 + (seed % Math.min(m, n, inner));
      const errors: number[] = [];
      for (const variant of ['paper', 'exact'] as const) {
        const smaller = await refactor(factors, rank, variant);
        assert.deepEqual(
          [smaller.u.shape, smaller.v.shape],
          [
            [m, rank],
            [rank, n],
          ],
        );
        const real = distance(await whole(smaller), old) / frobeniusNorm(old);
        assertBelow(Math.abs(smaller.relativeError - real), 1e-6, `the error that ${variant} reports`);
        errors.push(real);
      }
      const s = await singularValues(old);
      assertBelow(Math.abs(errors[1]! - Math.hypot(...s.subarray(rank)) / Math.hypot(...s)), 1e-6, 'above the best');
      assertBelow(errors[1]!, errors[0]! + 1e-6, 'the exact error, against that of the paper');
    }),
    { numRuns: 40, seed: 7 },
  );
});

test('with orthonormal u the variants agree; with a skewed u the exact one is better', async () => {
  const orthonormal = await factorTruncated(tensor(await weight(60, 40)), 20, { split: 'right' });
  const [paper, exact] = [await refactor(orthonormal, 8, 'paper'), await refactor(orthonormal, 8, 'exact')];
  assertBelow(Math.abs(paper.relativeError - exact.relativeError), 1e-6, 'the difference');
  const u = plain(orthonormal.u);
  for (let i = 0; i < u.data.length; i++) u.data[i]! *= 10 ** ((i % 20) / 10);
  const skewed = { u: tensor(u), v: orthonormal.v };
  const [worse, better] = [await refactor(skewed, 8, 'paper'), await refactor(skewed, 8, 'exact')];
  assert.ok(better.relativeError < 0.9 * worse.relativeError, `${better.relativeError}, ${worse.relativeError}`);
});

test('a product of zeros keeps its shape and has no error', async () => {
  const factors = { u: tensor(zeroMatrix(5, 3)), v: tensor(zeroMatrix(3, 4)) };
  for (const variant of ['paper', 'exact'] as const) {
    const { u, v, relativeError } = await refactor(factors, 2, variant);
    assert.deepEqual([u.shape, v.shape, relativeError], [[5, 2], [2, 4], 0]);
    assert.ok([...u.data, ...v.data].every((value) => value === 0));
  }
});

test('factors that do not fit, tensors that are no matrices and impossible ranks are refused', async () => {
  const u = tensor(make.gaussian(4, 3));
  await assert.rejects(refactor({ u, v: u }, 1, 'exact'), /4 x 3 and 4 x 3 do not fit/);
  await assert.rejects(factorTruncated(f32([12], new Float32Array(12)), 1), /shape \[12\]/);
  await assert.rejects(factorTruncated(u, 4), /from 1 to 3, not 4/);
});
