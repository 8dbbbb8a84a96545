import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readValues } from '../../../core/inspection/values';
import { bytesOf, readerOf, single } from './reader';

const counting = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('a window of values', () => {
  it('cuts a rectangle, and leaves out what lies beyond the tensor', async () => {
    const reader = await readerOf({ w: single([4, 5], counting(20)) });
    const grid = await readValues(reader, 'w', { row: 1, column: 3, rows: 2, columns: 9 });
    assert.deepEqual([...grid.values], [8, 9, 13, 14]);
    assert.deepEqual([grid.rows, grid.columns, grid.totalRows, grid.totalColumns], [2, 2, 4, 5]);
    const beyond = await readValues(reader, 'w', { row: 4, column: 0, rows: 2, columns: 2 });
    assert.deepEqual([beyond.rows, beyond.values.length], [0, 0]);
  });

  it('takes a slice of more dimensions', async () => {
    const reader = await readerOf({ w: single([2, 3, 2, 2], counting(24)) });
    const grid = await readValues(reader, 'w', { slice: [1, 2], row: 0, column: 0, rows: 2, columns: 2 });
    assert.deepEqual([...grid.values], [20, 21, 22, 23]);
    const first = await readValues(reader, 'w', { row: 1, column: 0, rows: 1, columns: 2 });
    assert.deepEqual(
      [first.slice, [...first.values]],
      [
        [0, 0],
        [2, 3],
      ],
    );
  });

  it('shows a vector as a row, a scalar as one value, wide numbers in full', async () => {
    const reader = await readerOf({
      vector: single([4], [1, NaN, -Infinity, 4]),
      scalar: { dtype: 'F64', shape: [], bytes: bytesOf(Float64Array.of(0.1)) },
      ids: { dtype: 'U64', shape: [2], bytes: bytesOf(BigUint64Array.of(2n ** 53n, 3n)) },
      empty: single([2, 0, 2, 2], []),
    });
    const window = { row: 0, column: 0, rows: 10, columns: 10 };
    assert.deepEqual([...(await readValues(reader, 'vector', window)).values], [1, NaN, -Infinity, 4]);
    assert.deepEqual([...(await readValues(reader, 'scalar', window)).values], [0.1]);
    assert.deepEqual([...(await readValues(reader, 'ids', window)).values], [2 ** 53, 3]);
    const middle = await readValues(reader, 'vector', { row: 0, column: 2, rows: 1, columns: 1 });
    assert.deepEqual([...middle.values], [-Infinity]);
  });

  it('reads rows that lie far apart one by one', async () => {
    const cols = 3_000_000;
    const bytes = new Uint8Array(3 * cols);
    bytes[cols] = 7;
    bytes[2 * cols + 1] = 9;
    const reader = await readerOf({ w: { dtype: 'U8', shape: [3, cols], bytes } });
    const grid = await readValues(reader, 'w', { row: 0, column: 0, rows: 3, columns: 2 });
    assert.deepEqual([...grid.values], [0, 0, 7, 0, 0, 9]);
  });

  it('refuses slices and windows that make no sense', async () => {
    const reader = await readerOf({ w: single([2, 2, 2], counting(8)) });
    const at = { row: 0, column: 0, rows: 1, columns: 1 };
    for (const slice of [[2], [-1], [0.5], [], [0, 0]])
      await assert.rejects(readValues(reader, 'w', { ...at, slice }), { code: 'window.bad-slice' });
    for (const bad of [{ row: -1 }, { columns: 1.5 }, { rows: 1e6, columns: 1e6 }, { column: NaN }])
      await assert.rejects(readValues(reader, 'w', { ...at, ...bad }), { code: 'window.bad-window' });
    await assert.rejects(readValues(reader, 'x', at), { code: 'safetensors.no-tensor' });
  });
});
