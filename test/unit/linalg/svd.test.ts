import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from '../../fast-check';
import type { Matrix } from '../../../core/engine/linalg/matrix';
import { frobeniusNorm, matrix, zeroMatrix } from '../../../core/engine/linalg/matrix';
import type { SvdOptions } from '../../../core/engine/linalg/svd';
import { singularValues, truncatedSvd } from '../../../core/engine/linalg/svd';
import * as make from './matrices';
import { assertBelow, assertClose, defect, distance } from './matrices';

/** Checks what holds for every truncated decomposition; returns it. */
async function checked(a: Matrix, rank: number, options: SvdOptions = {}) {
  const svd = await truncatedSvd(a, rank, options);
  assert.deepEqual([svd.u.rows, svd.u.cols, svd.v.rows, svd.v.cols], [a.rows, rank, a.cols, rank]);
  assertBelow(await defect(svd.u), 1e-12, 'the defect of u');
  assertBelow(await defect(svd.v), 1e-12, 'the defect of v');
  assert.deepEqual(svd.s, svd.s.slice().sort().reverse(), 'largest first');
  const error = distance(await make.product(svd.u, svd.s, svd.v), a);
  assertBelow(Math.abs(error - svd.relativeError * frobeniusNorm(a)), 1e-12 * frobeniusNorm(a), 'the measured error');
  return svd;
}

const optimal = (s: Float64Array, rank: number) => Math.hypot(...s.subarray(rank)) / Math.hypot(...s);

/** Singular values of the Hilbert matrix of order 12, without the last, which is the rounding of its entries. */
const HILBERT_12 = [
  1.795372059561998, 0.380275245955037, 0.04473854875218105, 0.003722312237891147, 0.0002330890890217741,
  1.116335748323316e-5, 4.082376110396635e-7, 1.122861067202235e-8, 2.251964531479024e-10, 3.111342577289017e-12,
  2.64960241591187e-14,
];

const spectra: Record<string, (i: number) => number> = {
  flat: () => 1,
  'exponential to 1e-12': (i) => 10 ** ((-12 * i) / 59),
  '1 / i': (i) => 1 / (i + 1),
  'repeated values': (i) => 4 - Math.floor(i / 15),
  clusters: (i) => 4 - Math.floor(i / 15) + 1e-13 * i,
  'exact low rank': (i) => (i < 9 ? 9 - i : 0),
};

describe('truncatedSvd, known spectra', () => {
  for (const [name, at] of Object.entries(spectra))
    test(name, async () => {
      const s = make.spectrum(60, at);
      const norm = Math.hypot(...s);
      for (const [m, n] of [
        [60, 60],
        [200, 60],
        [60, 90],
      ] as const) {
        const a = await make.withSpectrum(
          m,
          n,
          [...s].sort((x, y) => y - x),
        );
        const sorted = Float64Array.from(s).sort().reverse();
        for (const rank of [1, 20, 60]) {
          const svd = await checked(a, rank);
          assertClose(svd.s, sorted.subarray(0, rank), 2e-14 * norm);
          assertBelow(svd.relativeError, optimal(sorted, rank) + 1e-13, `error at rank ${rank}`);
        }
        assertClose(await singularValues(a), sorted, 2e-14 * norm);
      }
    });

  test('zero matrices, single rows, columns and numbers', async () => {
    const zero = await checked(zeroMatrix(6, 4), 3);
    assert.deepEqual([...zero.s, zero.relativeError], [0, 0, 0, 0]);
    for (const [m, n] of [
      [1, 7],
      [7, 1],
      [1, 1],
    ] as const) {
      const a = make.gaussian(m, n);
      const { s, relativeError } = await checked(a, 1);
      assertBelow(Math.abs(s[0]! - frobeniusNorm(a)), 1e-14 * frobeniusNorm(a), 'the only singular value');
      assertBelow(relativeError, 1e-14, 'the error');
    }
  });

  test('ill-conditioned matrices', async () => {
    assertClose((await singularValues(make.hilbert(12))).subarray(0, 11), HILBERT_12, 1e-15);
    assertBelow((await checked(make.hilbert(12), 12)).relativeError, 1e-14, 'all of it');
    assertBelow((await checked(make.vandermonde(50, 30), 25)).relativeError, 1e-13, 'a numerically complete part');
  });

  test('small matrices of any shape and rank are as near as can be', async () => {
    const size = fc.integer({ min: 1, max: 24 });
    await fc.assert(
      fc.asyncProperty(size, size, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), async (m, n, seed, share) => {
        const a = make.gaussian(m, n, seed);
        const rank = Math.max(1, Math.round(share * Math.min(m, n)));
        const { relativeError } = await checked(a, rank);
        const best = optimal(await singularValues(a), rank);
        assertBelow(Math.abs(relativeError - best), 1e-13, 'the distance from the Eckart-Young bound');
      }),
      { numRuns: 40, seed: 7 },
    );
  });
});

describe('truncatedSvd, large matrices', () => {
  test('the Gram path above order 512 is optimal', async () => {
    const s = make.spectrum(530, (i) => 1 / Math.sqrt(i + 1));
    const a = await make.withSpectrum(560, 530, s);
    const svd = await checked(a, 100, { method: 'exact' });
    assertClose(svd.s, s.subarray(0, 100), 1e-13);
    assertBelow(svd.relativeError / optimal(s, 100) - 1, 1e-10, 'the excess over the best error');
    assertClose(await singularValues(a), s, 1e-12);
  });

  test('rank-deficient Gram path: orthonormal vectors, error at its resolution', async () => {
    const a = await make.withSpectrum(
      520,
      520,
      make.spectrum(520, (i) => (i < 4 ? 1 : 0)),
    );
    assertBelow((await checked(a, 12, { method: 'exact' })).relativeError, 1e-8, 'the error');
  });
});

describe('truncatedSvd, randomized', () => {
  const hard: Record<string, (i: number) => number> = {
    'i^-0.5': (i) => 1 / Math.sqrt(i + 1),
    'nearly flat': (i) => 1 - i / 600,
    'exponential to 1e-12': (i) => 10 ** ((-12 * i) / 299),
    'exact low rank': (i) => (i < 10 ? 1 : 0),
  };
  for (const [name, at] of Object.entries(hard))
    test(`within 0.1 % of the best error: ${name}`, async () => {
      const s = make.spectrum(300, at);
      for (const [m, n] of [
        [300, 340],
        [340, 300],
      ] as const) {
        const a = await make.withSpectrum(m, n, s);
        const { relativeError } = await checked(a, 40, { method: 'randomized' });
        assertBelow(relativeError, 1.001 * optimal(s, 40) + 1e-13, 'the error');
      }
    });

  test('Gaussian noise, full rank', async () => {
    const a = make.gaussian(200, 150);
    const best = (await truncatedSvd(a, 40, { method: 'exact' })).relativeError;
    assertBelow((await checked(a, 40, { method: 'randomized' })).relativeError, 1.001 * best, 'the error');
    assertBelow((await checked(a, 150, { method: 'randomized' })).relativeError, 1e-13, 'the error at full rank');
  });

  test('the same seed gives the same bits, another seed others', async () => {
    const a = make.gaussian(90, 80);
    const at = async (seed: number) => (await truncatedSvd(a, 10, { method: 'randomized', seed })).u;
    const first = await at(1);
    assert.deepEqual(await at(1), first);
    assert.notDeepEqual(await at(2), first);
  });
});

describe('truncatedSvd, bad input', () => {
  test('impossible ranks and values that are no numbers', async () => {
    for (const rank of [0, -1, 4, 1.5, NaN])
      await assert.rejects(truncatedSvd(make.gaussian(3, 5), rank), { name: 'RangeError', message: /3 x 5.*1 to 3/ });
    await assert.rejects(truncatedSvd(matrix(1, 2, [1, Infinity]), 1), {
      code: 'linalg.not-finite',
      message: /Infinity at row 0, column 1/,
    });
  });

  test('an aborted signal ends it', async () => {
    const a = make.gaussian(60, 60);
    for (const method of ['exact', 'randomized'] as const)
      await assert.rejects(truncatedSvd(a, 5, { method, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});
