import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { diffCheckpoints } from '../../../core/inspection/diff';
import { checkpointStatistics } from '../../../core/inspection/statistics/of-tensors';
import { tensorStatistics } from '../../../core/inspection/statistics/statistics';
import { readValues } from '../../../core/inspection/values';
import type { WideDtype } from '../../../core/checkpoint/wide-integers';
import { bytesOf, readerOf, type RawTensor } from './reader';

const EXTREMES = {
  I64: [-(2n ** 63n), 2n ** 63n - 1n],
  U64: [0n, 2n ** 64n - 1n],
} as const;

const wide = (dtype: WideDtype, values: readonly bigint[]): RawTensor => ({
  dtype,
  shape: [values.length],
  bytes: bytesOf(dtype === 'I64' ? BigInt64Array.from(values) : BigUint64Array.from(values)),
});
const doubles = (values: readonly number[]): RawTensor => ({
  dtype: 'F64',
  shape: [values.length],
  bytes: bytesOf(Float64Array.from(values)),
});

const diff = async (a: RawTensor, b: RawTensor) => diffCheckpoints(await readerOf({ w: a }), await readerOf({ w: b }));

/** Around the numbers where doubles begin to leave integers out, and the ends of the dtype. */
const integers = (dtype: WideDtype) => {
  const [least, most] = EXTREMES[dtype];
  return fc.oneof(
    fc.bigInt({ min: least, max: most }),
    fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }),
    fc.constantFrom(least, least + 1n, most - 1n, most, 0n, 1n),
  );
};

describe('integers that a double cannot tell apart', () => {
  it('differ in the diff: 2^53 and 2^53 + 1 are one double and two numbers', async () => {
    const [p, q] = [2n ** 53n, 2n ** 53n + 1n];
    const { identical, differences } = await diff(wide('I64', [p, q]), wide('I64', [q, p]));
    assert.equal(identical, 0);
    assert.deepEqual([differences[0]?.differing, differences[0]?.maxAbs], [2, 1]);
  });

  it('differ from what another dtype holds, whichever it is', async () => {
    const odd = 2n ** 53n + 1n;
    for (const [other, differing] of [
      [wide('U64', [odd]), 0],
      [wide('U64', [odd - 1n]), 1],
      [doubles([2 ** 53]), 1],
      [doubles([2 ** 53 + 2]), 1],
      [doubles([NaN]), 1],
      [doubles([0.5]), 1],
      [{ ...doubles([2 ** 53]), dtype: 'F32', bytes: bytesOf(Float32Array.of(2 ** 53)) } as const, 1],
    ] as const) {
      const { identical, differences } = await diff(wide('I64', [odd]), other);
      assert.equal(identical, 1 - differing, other.dtype);
      assert.equal(differences[0]?.differing ?? 0, differing);
      const turned = await diff(other, wide('I64', [odd]));
      assert.equal(turned.identical, identical);
    }
    // The same bits: -1, and the largest number without a sign.
    const [flipped] = (await diff(wide('I64', [-1n]), wide('U64', [2n ** 64n - 1n]))).differences;
    assert.deepEqual([flipped?.differing, flipped?.maxAbs], [1, 2 ** 64]);
  });

  for (const dtype of ['I64', 'U64'] as const) {
    it(`${dtype}: the diff counts what BigInt counts`, async () => {
      const pairs = fc.array(fc.tuple(integers(dtype), integers(dtype)), { minLength: 1, maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(pairs, async (values) => {
          const [a, b] = [values.map(([x]) => x), values.map(([, y]) => y)];
          const distances = values.map(([x, y]) => (x > y ? x - y : y - x));
          const { differences } = await diff(wide(dtype, a), wide(dtype, b));
          assert.equal(differences[0]?.differing ?? 0, distances.filter((distance) => distance !== 0n).length);
          const farthest = distances.reduce((most, distance) => (distance > most ? distance : most));
          assert.equal(differences[0]?.maxAbs ?? 0, Number(farthest));
        }),
        { numRuns: 100 },
      );
    });

    it(`${dtype}: statistics of one and of all, and values say them digit by digit`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(integers(dtype), { minLength: 1, maxLength: 20 }), async (values) => {
          const reader = await readerOf({ w: wide(dtype, values) });
          const sorted = [...values].sort((a, b) => (a < b ? -1 : Number(a > b)));
          const [min, max] = [sorted[0]!, sorted.at(-1)!];
          const beyond = [min, max].some((value) => Math.abs(Number(value)) >= 2 ** 53);
          const expected = beyond ? { min: String(min), max: String(max) } : null;
          const found = await tensorStatistics(reader, 'w');
          assert.deepEqual(found.exact, expected);
          assert.deepEqual([found.min, found.max], [Number(min), Number(max)]);
          assert.deepEqual((await checkpointStatistics(reader))[0]?.exact, expected);
          const window = { row: 0, column: 1, rows: 1, columns: 9 };
          const grid = await readValues(reader, 'w', window);
          const shown = values.slice(1, 10);
          const rounded = shown.some((value) => Math.abs(Number(value)) >= 2 ** 53);
          assert.deepEqual(grid.exact, rounded ? shown.map(String) : null);
          assert.deepEqual([...grid.values], shown.map(Number));
        }),
        { numRuns: 30 },
      );
    });
  }

  it('are exact over many chunks, and nothing where there is no element', async () => {
    const values = Array.from({ length: 300_000 }, (_, i) => 2n ** 60n + BigInt(i));
    const { exact } = await tensorStatistics(await readerOf({ w: wide('I64', values) }), 'w');
    assert.deepEqual(exact, { min: String(2n ** 60n), max: String(2n ** 60n + 299_999n) });
    assert.equal((await tensorStatistics(await readerOf({ w: wide('U64', []) }), 'w')).exact, null);
    assert.equal((await tensorStatistics(await readerOf({ w: doubles([1e300]) }), 'w')).exact, null);
  });

  it('are read from rows that lie apart', async () => {
    const columns = 600_000;
    const values = Array.from({ length: 2 * columns }, (_, i) => 2n ** 60n + BigInt(i));
    const reader = await readerOf({ w: { ...wide('I64', values), shape: [2, columns] } });
    const { exact } = await readValues(reader, 'w', { row: 0, column: 2, rows: 2, columns: 1 });
    assert.deepEqual(exact, [String(2n ** 60n + 2n), String(2n ** 60n + 600_002n)]);
  });
});
