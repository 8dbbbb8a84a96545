import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from '../../fast-check';
import {
  cholesky,
  NotPositiveDefiniteError,
  solveLower,
  solveLowerTransposed,
} from '../../../core/engine/linalg/cholesky';
import { eigh, symmetricEigenvalues } from '../../../core/engine/linalg/eigh';
import { matmul } from '../../../core/engine/linalg/gemm';
import type { Matrix } from '../../../core/engine/linalg/matrix';
import { frobeniusNorm, identityMatrix, matrix, transpose, zeroMatrix } from '../../../core/engine/linalg/matrix';
import { thinQr } from '../../../core/engine/linalg/qr';
import * as make from './matrices';
import { assertBelow, assertClose, defect, distance } from './matrices';

describe('cholesky', () => {
  test('the factor times its transpose is the matrix; solves invert it', async () => {
    for (const n of [1, 5, 64, 65, 200]) {
      const tall = make.gaussian(n + 20, n);
      const a = await matmul(tall, tall, { transA: true });
      const l = await cholesky(a);
      assertBelow(distance(await matmul(l, l, { transB: true }), a) / frobeniusNorm(a), 1e-14, `residual at ${n}`);
      l.data.forEach((value, i) => {
        assert.ok(i % n <= Math.floor(i / n) || value === 0, 'nothing above the diagonal');
      });
      const b = make.gaussian(n, 3);
      assertBelow(distance(await matmul(l, await solveLower(l, b)), b), 1e-11, 'l x - b');
      const transposed = await solveLowerTransposed(l, b);
      assertBelow(distance(await matmul(l, transposed, { transA: true }), b), 1e-11, 'l^T x - b');
    }
  });

  test('the first bad pivot is named, also in a later block', async () => {
    for (const pivot of [0, 3, 64, 99]) {
      const a = identityMatrix(100);
      a.data[pivot * 101] = -2;
      await assert.rejects(cholesky(a), (error) => {
        assert.ok(error instanceof NotPositiveDefiniteError);
        assert.equal(error.code, 'linalg.not-positive-definite');
        assert.deepEqual([error.pivot, error.value], [pivot, -2]);
        return true;
      });
    }
    await assert.rejects(cholesky(zeroMatrix(2, 2)), { pivot: 0, value: 0 });
  });

  test('a singular triangle and a matrix with NaN are named', async () => {
    await assert.rejects(solveLower(zeroMatrix(2, 2), zeroMatrix(2, 1)), { code: 'linalg.singular' });
    await assert.rejects(cholesky(matrix(2, 2, [1, 0, NaN, 1])), {
      code: 'linalg.not-finite',
      message: /row 1, column 0/,
    });
  });
});

async function checkQr(a: Matrix): Promise<void> {
  const { q, r } = await thinQr(a);
  assertBelow(await defect(q), 1e-12, 'the defect of q');
  assertBelow(distance(await matmul(q, r), a), 1e-13 * frobeniusNorm(a), 'q r - a');
  r.data.forEach((value, i) => {
    assert.ok(i % r.cols >= Math.floor(i / r.cols) || value === 0, 'nothing below the diagonal');
  });
}

describe('thinQr', () => {
  test('random matrices of any shape', async () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 50 }));
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), ([n, more], seed) => checkQr(make.gaussian(n + more, n, seed))),
      { numRuns: 20, seed: 7 },
    );
  });

  test('orthonormal to machine precision at condition 1e12 and beyond', async () => {
    await checkQr(
      await make.withSpectrum(
        150,
        90,
        make.spectrum(90, (i) => 10 ** ((-12 * i) / 89)),
      ),
    );
    await checkQr(make.hilbert(12));
    await checkQr(make.vandermonde(60, 40));
  });

  test('rank-deficient input keeps its orthonormal q', async () => {
    await checkQr(zeroMatrix(40, 35));
    await checkQr(
      await make.withSpectrum(
        80,
        50,
        make.spectrum(50, (i) => (i < 7 ? 1 : 0)),
      ),
    );
    await checkQr(matrix(3, 2, [1, 1, 1, 1, 1, 1]));
  });

  test('a wide matrix is refused', async () => {
    await assert.rejects(thinQr(zeroMatrix(2, 3)), /2 x 3/);
  });
});

async function checkEigh(a: Matrix, expected?: Float64Array): Promise<void> {
  const { values, vectors } = await eigh(a);
  const norm = frobeniusNorm(a);
  assertBelow(await defect(vectors), 1e-12, 'the defect of the vectors');
  assertBelow(distance(await make.product(vectors, values, vectors), a), 1e-13 * norm, 'the residual');
  assert.deepEqual(values, values.slice().sort(), 'ascending');
  assertClose(await symmetricEigenvalues(a), values, 1e-13 * norm);
  if (expected) assertClose(values, expected.slice().sort(), 1e-13 * norm);
}

/** v diag(values) v^T with a random orthogonal v, exactly symmetric. */
async function symmetricWith(values: Float64Array): Promise<Matrix> {
  const v = await make.orthonormal(values.length, values.length);
  const a = await make.product(v, values, v);
  const other = transpose(a).data;
  return matrix(
    a.rows,
    a.cols,
    a.data.map((value, i) => (value + other[i]!) / 2),
  );
}

describe('eigh', () => {
  test('random symmetric matrices, across all block sizes', async () => {
    for (const n of [1, 2, 3, 31, 32, 33, 64, 65, 97, 130, 260]) await checkEigh(make.symmetric(n));
  });

  const spectra: Record<string, (i: number) => number> = {
    'repeated values': (i) => Math.floor(i / 40),
    'tight clusters': (i) => Math.floor(i / 40) + 1e-14 * i,
    'decay to 1e-14, both signs': (i) => (-1) ** i * 10 ** ((-14 * i) / 159),
    'exact low rank': (i) => (i < 5 ? 5 - i : 0),
    'one value': () => 3,
    'huge numbers': (i) => 1e120 * (i - 80),
    'tiny numbers': (i) => 1e-120 * (i - 80),
  };
  for (const [name, at] of Object.entries(spectra))
    test(`known spectrum: ${name}`, async () => {
      const values = make.spectrum(160, at);
      await checkEigh(await symmetricWith(values), values);
    });

  test('zero, diagonal and tridiagonal matrices', async () => {
    await checkEigh(zeroMatrix(70, 70), new Float64Array(70));
    const diagonal = zeroMatrix(70, 70);
    for (let i = 0; i < 70; i++) diagonal.data[i * 71] = 70 - i;
    await checkEigh(
      diagonal,
      make.spectrum(70, (i) => i + 1),
    );
    const laplacian = zeroMatrix(120, 120);
    for (let i = 0; i < 120; i++) {
      laplacian.data[i * 121] = 2;
      if (i > 0) laplacian.data[i * 121 - 1] = laplacian.data[(i - 1) * 121 + 1] = -1;
    }
    await checkEigh(
      laplacian,
      make.spectrum(120, (i) => 2 - 2 * Math.cos((Math.PI * (i + 1)) / 121)),
    );
  });

  test('Wilkinson matrices, whose eigenvalues come in nearly equal pairs', async () => {
    const n = 101;
    const a = zeroMatrix(n, n);
    for (let i = 0; i < n; i++) {
      a.data[i * (n + 1)] = Math.abs(i - 50);
      if (i > 0) a.data[i * (n + 1) - 1] = a.data[(i - 1) * (n + 1) + 1] = 1;
    }
    await checkEigh(a);
  });

  test('an aborted signal ends it', async () => {
    await assert.rejects(eigh(make.symmetric(150), { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});
