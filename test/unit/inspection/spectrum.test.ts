import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memorySource } from '../../../core/checkpoint/byte-source';
import { openSafetensors } from '../../../core/checkpoint/safetensors';
import { describeSpectrum, spectrumOf } from '../../../core/inspection/spectrum';
import { matmul } from '../../../core/engine/linalg/gemm';
import { matrix } from '../../../core/engine/linalg/matrix';
import { Random } from '../../../core/random';
import { readerOf, single } from './reader';

const normal = (count: number, seed: number) => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal());
};

const near = (actual: readonly number[], expected: readonly number[], tolerance: number) => {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= tolerance, `${i}: ${value}, not ${expected[i]}`);
  });
};

describe('the spectrum of a weight', () => {
  it('gives the values and ranks of a diagonal matrix', async () => {
    const spectrum = await spectrumOf(await readerOf({ w: single([3, 3], [0, 0, 2, 4, 0, 0, 0, 0, 0]) }), 'w');
    near(spectrum.singularValues, [4, 2, 0], 1e-14);
    near(spectrum.energy, [0.8, 1, 1], 1e-14);
    assert.equal(spectrum.numericalRank, 2);
    assert.ok(Math.abs(spectrum.stableRank - 20 / 16) < 1e-12);
    const entropy = -(2 / 3) * Math.log(2 / 3) - (1 / 3) * Math.log(1 / 3);
    assert.ok(Math.abs(spectrum.effectiveRank - Math.exp(entropy)) < 1e-12);
    assert.deepEqual(
      spectrum.rankFor.map(({ rank }) => rank),
      [1, 1, 2, 2, 2, 2],
    );
    assert.equal(spectrum.breakEvenRank, 1);
    assert.equal(spectrum.factors, null);
  });

  it('counts the effective and stable rank of equal values in full', () => {
    const spectrum = describeSpectrum(Float64Array.of(3, 3, 3, 3), { name: 'w', shape: [4, 9], factors: null });
    assert.ok(Math.abs(spectrum.effectiveRank - 4) < 1e-12);
    assert.equal(spectrum.stableRank, 4);
    assert.equal(spectrum.breakEvenRank, 2);
    assert.deepEqual(
      spectrum.rankFor.map(({ rank }) => rank),
      [2, 4, 4, 4, 4, 4],
    );
  });

  it('has no rank where all is zero', async () => {
    const spectrum = await spectrumOf(await readerOf({ w: single([2, 3], [0, 0, 0, 0, 0, 0]) }), 'w');
    assert.deepEqual(spectrum.singularValues, [0, 0]);
    assert.deepEqual([spectrum.effectiveRank, spectrum.stableRank, spectrum.numericalRank], [0, 0, 0]);
    assert.ok(spectrum.rankFor.every(({ rank }) => rank === 0));
  });

  it('takes a convolution as [out, in h w]', async () => {
    const values = normal(4 * 6, 1);
    const reader = await readerOf({ conv: single([4, 3, 2, 1], values), flat: single([4, 6], values) });
    const conv = await spectrumOf(reader, 'conv');
    assert.deepEqual([conv.rows, conv.cols], [4, 6]);
    assert.deepEqual(conv.singularValues, (await spectrumOf(reader, 'flat')).singularValues);
  });

  for (const [m, r, n] of [
    [30, 5, 20],
    [7, 12, 20],
    [20, 12, 7],
    [6, 9, 5],
  ] as const)
    it(`gives that of a product [${m}, ${r}] [${r}, ${n}] without forming it`, async () => {
      const [u, v] = [normal(m * r, 2), normal(r * n, 3)];
      const product = await matmul(matrix(m, r, u), matrix(r, n, v));
      const reader = await readerOf({
        'layer.u.weight': single([m, r], u),
        'layer.v.weight': single([r, n], v),
        full: single([m, n], product.data),
      });
      const factored = await spectrumOf(reader, 'layer');
      const full = await spectrumOf(reader, 'full');
      assert.deepEqual(factored.factors, { outFeatures: m, inFeatures: n, rank: r });
      assert.deepEqual(factored.shape, [m, n]);
      assert.equal(factored.breakEvenRank, full.breakEvenRank);
      const kept = Math.min(m, r, n);
      // The full matrix was rounded to single precision.
      near(factored.singularValues, full.singularValues.slice(0, kept), 1e-5);
    });

  it('sums a very tall matrix up by blocks of rows', async () => {
    const [rows, cols] = [2 ** 19 + 100, 66];
    const bytes = new Uint8Array(rows * cols);
    for (let i = 0; i < rows; i++) bytes[i * cols + (i % cols)] = 1 + (i % cols === 0 ? 1 : 0);
    const { singularValues } = await spectrumOf(
      await readerOf({ w: { dtype: 'U8', shape: [rows, cols], bytes } }),
      'w',
    );
    const lengths = Array.from({ length: cols }, (_, j) => (j === 0 ? 2 : 1) * Math.sqrt(Math.ceil((rows - j) / cols)));
    near(
      singularValues,
      lengths.sort((a, b) => b - a),
      1e-6,
    );
  });

  it('refuses what is no matrix, what is not finite and what is too large, before reading it', async () => {
    const reader = await readerOf({ bias: single([3], [1, 2, 3]), bad: single([1, 2], [1, NaN]) });
    await assert.rejects(spectrumOf(reader, 'bias'), { code: 'spectrum.not-a-matrix' });
    await assert.rejects(spectrumOf(reader, 'bad'), { code: 'linalg.not-finite' });
    await assert.rejects(spectrumOf(reader, 'none'), { code: 'safetensors.no-tensor' });
    const shape = [10_000, 20_000];
    const json = new TextEncoder().encode(JSON.stringify({ w: { dtype: 'I8', shape, data_offsets: [0, 2e8] } }));
    const head = new Uint8Array(8 + json.length);
    new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
    head.set(json, 8);
    const large = await openSafetensors({ ...memorySource(head), size: head.length + 2e8 });
    await assert.rejects(spectrumOf(large, 'w'), { code: 'spectrum.too-large', message: /10000 x 20000/ });
  });

  it('stops when it is told to', async () => {
    const reader = await readerOf({ w: single([4, 4], normal(16, 4)) });
    await assert.rejects(spectrumOf(reader, 'w', { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  });
});
