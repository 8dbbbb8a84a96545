import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from '../../fast-check';
import { matmul } from '../../../core/engine/linalg/gemm';
import type { Matrix } from '../../../core/engine/linalg/matrix';
import { transpose, zeroMatrix } from '../../../core/engine/linalg/matrix';
import { assertClose, gaussian } from './matrices';

function plainProduct(a: Matrix, b: Matrix): Matrix {
  const result = zeroMatrix(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.cols; j++)
      for (let k = 0; k < a.cols; k++)
        result.data[i * b.cols + j]! += a.data[i * a.cols + k]! * b.data[k * b.cols + j]!;
  return result;
}

test('products agree with three loops for every transposition, sign and addend, empty ones included', async () => {
  const size = fc.integer({ min: 0, max: 9 });
  const flag = fc.boolean();
  await fc.assert(
    fc.asyncProperty(size, size, size, flag, flag, flag, flag, async (m, k, n, transA, transB, negate, withAdd) => {
      const a = gaussian(m, k, 1);
      const b = gaussian(k, n, 2);
      const add = gaussian(m, n, 3);
      const options = { transA, transB, negate, ...(withAdd ? { add } : {}) };
      const result = await matmul(transA ? transpose(a) : a, transB ? transpose(b) : b, options);
      const expected = plainProduct(a, b).data.map((x, i) => (negate ? -x : x) + (withAdd ? add.data[i]! : 0));
      assertClose(result.data, expected, 1e-13);
    }),
    { numRuns: 60, seed: 7 },
  );
});

test('products are double precision', async () => {
  const tiny = { rows: 1, cols: 2, data: Float64Array.of(1, 2 ** -40) };
  assert.equal((await matmul(tiny, tiny, { transB: true })).data[0], 1 + 2 ** -80);
  const ones = { rows: 2, cols: 1, data: Float64Array.of(1, 1) };
  assert.equal((await matmul(tiny, ones)).data[0], 1 + 2 ** -40);
});

test('shapes that do not fit are named', async () => {
  await assert.rejects(matmul(gaussian(2, 3), gaussian(4, 5)), /cannot multiply 2 x 3 by 4 x 5/);
  await assert.rejects(matmul(gaussian(2, 3), gaussian(3, 5), { add: gaussian(5, 2) }), /2 x 5.*5 x 2/);
});

test('an aborted signal ends the work with its reason', async () => {
  const reason = new Error('stopped');
  await assert.rejects(matmul(gaussian(2, 2), gaussian(2, 2), { signal: AbortSignal.abort(reason) }), reason);
});
