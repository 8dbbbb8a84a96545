import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { decodeToFloat64 } from '../../../core/checkpoint/decode-wide';
import { DTYPE_BYTES, type Dtype } from '../../../core/checkpoint/dtype';
import { tensorStatistics } from '../../../core/inspection/statistics/statistics';
import { quantileShares, type TensorStatistics } from '../../../core/protocol/inspection';
import { bytesOf, readerOf } from './reader';

const dtypes = Object.keys(DTYPE_BYTES) as Dtype[];

async function statisticsOf(dtype: Dtype, bytes: Uint8Array): Promise<TensorStatistics> {
  const shape = [bytes.length / DTYPE_BYTES[dtype]];
  return tensorStatistics(await readerOf({ w: { dtype, shape, bytes } }), 'w');
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Within rounding of many additions. */
function close(actual: number | null, expected: number, scale: number, what: string): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= 1e-12 * scale, `${what}: ${actual}, not ${expected}`);
}

/** Everything again, from all elements at once and in the plainest way. */
function check(dtype: Dtype, found: TensorStatistics, bytes: Uint8Array): void {
  const all = [...decodeToFloat64(dtype, bytes)];
  const values = all.filter(Number.isFinite).sort((a, b) => a - b);
  const n = values.length;
  assert.equal(found.elements, all.length);
  assert.equal(found.nan, all.filter(Number.isNaN).length);
  assert.equal(found.positiveInfinity, all.filter((x) => x === Infinity).length);
  assert.equal(found.negativeInfinity, all.filter((x) => x === -Infinity).length);
  assert.equal(found.zeros, all.filter((x) => x === 0).length);
  assert.equal(found.finite, n);
  const { negative, positive, least } = found.magnitudes;
  if (n === 0) {
    assert.deepEqual([found.min, found.max, found.mean, found.std, found.rms, found.l2], Array(6).fill(null));
    assert.deepEqual(found.quantiles, []);
    assert.equal(found.histogram, null);
    assert.deepEqual([negative, positive], [[], []]);
    return;
  }
  assert.ok(found.min === values[0] && found.max === values[n - 1]);
  assert.ok(!Object.is(found.min, -0) && !Object.is(found.max, -0));
  // Scaled by a power of two, so that squares of any double exist.
  const size = Math.max(-values[0], values[n - 1]!);
  const unit = size === 0 ? 1 : 2 ** Math.min(1023, Math.floor(Math.log2(size)));
  const scaled = values.map((x) => x / unit);
  const mean = sum(scaled) / n;
  close(found.mean, mean * unit, size, 'mean');
  close(found.std, Math.sqrt(sum(scaled.map((x) => (x - mean) ** 2)) / n) * unit, size * 1e2, 'std');
  close(found.rms, Math.sqrt(sum(scaled.map((x) => x * x)) / n) * unit, size, 'rms');
  assert.deepEqual(
    found.quantiles.map(({ p }) => p),
    [...quantileShares],
  );
  for (const { p, value } of found.quantiles) {
    const exact = values[Math.max(1, Math.ceil(p * n - 1e-9)) - 1]!;
    // Below the normal numbers of a format its precision is absolute.
    const floor = dtype === 'F32' ? 2 ** -135 : 2 ** -1030;
    const error = Math.abs(value - exact);
    assert.ok(
      error <= found.quantileError * Math.abs(exact) + (found.quantileError && floor),
      `${p}: ${value}, ${exact}`,
    );
  }
  const { edges, counts, below, above } = found.histogram!;
  assert.equal(edges.length, counts.length + 1);
  assert.ok(
    edges.every((edge, i) => i === 0 || edge > edges[i - 1]!),
    edges.join(),
  );
  assert.equal(sum(counts) + below + above, n);
  assert.equal(sum([...negative]) + sum([...positive]) + found.zeros, n);
  if (found.quantileError > 0) return;
  counts.forEach((count, i) => {
    const last = i === counts.length - 1;
    const inside = values.filter((x) => x >= edges[i]! && (last ? x <= edges[i + 1]! : x < edges[i + 1]!));
    assert.equal(count, inside.length, `bin ${i}`);
  });
  for (const [side, sign] of [
    [negative, -1],
    [positive, 1],
  ] as const)
    side.forEach((count, i) => {
      const inside = values.filter((x) => sign * x >= 2 ** (least + i) && sign * x < 2 ** (least + i + 1));
      assert.equal(count, inside.length, `2^${least + i}`);
    });
}

describe('statistics of a tensor', () => {
  for (const dtype of dtypes)
    it(`${dtype}: agrees with all elements at once, for any bytes`, async () => {
      const size = DTYPE_BYTES[dtype];
      const words = fc.uint8Array({ maxLength: 400 * size }).map((b) => b.slice(0, b.length - (b.length % size)));
      await fc.assert(
        fc.asyncProperty(words, async (bytes) => {
          check(dtype, await statisticsOf(dtype, bytes), bytes);
        }),
        { seed: 7, numRuns: size > 2 ? 20 : 60 },
      );
    });

  const floats = fc.oneof(
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 5e-324, -1e-320, 1e300, -1.7e308, 1.7e308, 1e-200, 1e16),
  );
  for (const [dtype, make] of [
    ['F64', (values: number[]) => Float64Array.from(values)],
    ['F32', (values: number[]) => Float32Array.from(values)],
  ] as const)
    it(`${dtype}: agrees for numbers of all sizes, NaN, infinities and denormals`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(floats, { maxLength: 300 }), async (values) => {
          const bytes = bytesOf(make(values));
          check(dtype, await statisticsOf(dtype, bytes), bytes);
        }),
        { seed: 8, numRuns: 120 },
      );
    });

  it('is right over many chunks and blocks, with an odd end', async () => {
    const n = 700_001;
    const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.7) * 3 + (i % 1000 === 0 ? 0 : 1000));
    values[350_000] = NaN;
    values[699_999] = -Infinity;
    for (const [dtype, array] of [
      ['F32', values],
      ['F64', Float64Array.from(values)],
      ['BF16', Uint16Array.from(new Uint32Array(values.buffer), (word) => word >>> 16)],
      ['I32', Int32Array.from(values)],
    ] as const) {
      const bytes = bytesOf(array);
      const found = await statisticsOf(dtype, bytes);
      const all = decodeToFloat64(dtype, bytes).filter(Number.isFinite);
      const mean = all.reduce((a, x) => a + x, 0) / all.length;
      const variance = all.reduce((a, x) => a + (x - mean) ** 2, 0) / all.length;
      assert.equal(found.finite, all.length);
      close(found.mean, mean, 1000, dtype);
      close(found.std, Math.sqrt(variance), 1000, dtype);
    }
  });

  it('loses nothing where the mean is large beside the spread', async () => {
    const values = Float64Array.from({ length: 5000 }, (_, i) => 1e9 + (i % 2));
    const { std, mean } = await statisticsOf('F64', bytesOf(values));
    assert.equal(mean, 1e9 + 0.5);
    assert.equal(std, 0.5);
  });

  it('does not overflow or vanish where squares do', async () => {
    const huge = await statisticsOf('F64', bytesOf(Float64Array.of(3e300, -4e300, 1)));
    close(huge.rms, 5e300 / Math.sqrt(3), 1e300, 'huge');
    close(huge.l2, 5e300, 1e300, 'huge norm');
    const tiny = await statisticsOf('F64', bytesOf(Float64Array.of(3e-300, 4e-300, 0)));
    close(tiny.rms, 5e-300 / Math.sqrt(3), 1e-300, 'tiny');
    assert.equal((await statisticsOf('F64', bytesOf(Float64Array.of(1.7e308, 1.7e308)))).l2, null);
  });

  it('gives outliers no bins of their own but counts them', async () => {
    const values = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
    values[7] = 1e6;
    values[9] = -1e6;
    const { histogram, max } = await statisticsOf('F32', bytesOf(values));
    assert.equal(max, 1e6);
    assert.deepEqual([histogram!.below, histogram!.above], [1, 1]);
    assert.ok(histogram!.edges.at(-1)! < 3);
  });

  it('gives integers of a small range a bin each', async () => {
    const { histogram } = await statisticsOf('I64', bytesOf(BigInt64Array.of(-1n, 3n, 3n, 1n)));
    assert.deepEqual(histogram, {
      edges: [-1.5, -0.5, 0.5, 1.5, 2.5, 3.5],
      counts: [1, 0, 1, 0, 2],
      below: 0,
      above: 0,
    });
    const flags = await statisticsOf('BOOL', Uint8Array.of(1, 0, 1, 1));
    assert.deepEqual(flags.histogram!.counts, [1, 3]);
    assert.deepEqual((await statisticsOf('I32', bytesOf(Int32Array.of(300, 301, 777)))).quantiles[4], {
      p: 0.5,
      value: 301,
    });
  });

  it('knows empty tensors and scalars', async () => {
    const reader = await readerOf({
      empty: { dtype: 'F16', shape: [3, 0], bytes: new Uint8Array() },
      scalar: { dtype: 'F32', shape: [], bytes: bytesOf(Float32Array.of(2.5)) },
    });
    const empty = await tensorStatistics(reader, 'empty');
    assert.equal(empty.elements, 0);
    assert.equal(empty.mean, null);
    const scalar = await tensorStatistics(reader, 'scalar');
    assert.deepEqual([scalar.min, scalar.max, scalar.mean, scalar.std, scalar.l2], [2.5, 2.5, 2.5, 0, 2.5]);
    assert.deepEqual(scalar.histogram, { edges: [1.25, 3.75], counts: [1], below: 0, above: 0 });
  });

  it('tells how far it is, and stops when it is told to', async () => {
    const bytes = new Uint8Array(5 * 2 ** 20);
    const reader = await readerOf({ w: { dtype: 'U8', shape: [bytes.length], bytes } });
    const seen: number[] = [];
    await tensorStatistics(reader, 'w', { onProgress: ({ done }) => seen.push(done) });
    assert.deepEqual(
      seen,
      [1, 2, 3, 4, 5].map((i) => i * 2 ** 20),
    );
    const controller = new AbortController();
    const reason = new Error('enough');
    let calls = 0;
    const stopped = tensorStatistics(reader, 'w', {
      signal: controller.signal,
      onProgress: () => {
        calls++;
        controller.abort(reason);
      },
    });
    await assert.rejects(stopped, reason);
    assert.equal(calls, 1);
  });

  it('names a tensor that is not there', async () => {
    await assert.rejects(tensorStatistics(await readerOf({}), 'w'), { code: 'safetensors.no-tensor' });
  });
});
