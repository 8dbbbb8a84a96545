import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memorySource } from '../../../core/checkpoint/byte-source';
import { diffCheckpoints } from '../../../core/inspection/diff';
import { openSafetensors } from '../../../core/checkpoint/safetensors';
import { spectrumOf } from '../../../core/inspection/spectrum';
import { tensorStatistics } from '../../../core/inspection/statistics/statistics';
import { checkpointStatistics } from '../../../core/inspection/statistics/of-tensors';
import { summarize } from '../../../core/checkpoint/summary';
import { readValues } from '../../../core/inspection/values';
import { rawFile } from './raw-file';

/** Bytes of eight elements of each dtype of the format whose values are not read, and of some that it does not have. */
const BYTES = {
  C64: 64,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  U4: 4,
  I4: 8,
  F128: 128,
  of_tomorrow: 3,
  toString: 8,
} as const;

const WEIGHT = { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] };

/** A float32 matrix `w`, and eight elements `x` of another dtype beside it. */
function fileWith(dtype: string, bytes: number, fill = 1) {
  const header = { w: WEIGHT, x: { dtype, shape: [2, 4], data_offsets: [16, 16 + bytes] } };
  const file = rawFile(header, 16 + bytes);
  file.fill(fill, file.length - bytes);
  return openSafetensors(memorySource(file, 'some.safetensors'));
}

describe('dtypes whose values are not read', () => {
  for (const [dtype, bytes] of Object.entries(BYTES))
    it(`${dtype}: is listed, its bytes are read, and the tensor beside it is whole`, async () => {
      const reader = await fileWith(dtype, bytes);
      const { dtypes, parameters, root } = summarize(reader);
      assert.deepEqual(
        root.tensors.map((tensor) => [tensor.name, tensor.dtype, tensor.shape]),
        [
          ['w', 'F32', [2, 2]],
          ['x', dtype, [2, 4]],
        ],
      );
      assert.equal(parameters, 12);
      assert.deepEqual(
        dtypes.find((one) => one.dtype === dtype),
        { dtype, tensors: 1, parameters: 8, bytes },
      );
      assert.equal((await tensorStatistics(reader, 'w')).finite, 4);
      assert.deepEqual(
        (await checkpointStatistics(reader)).map(({ name }) => name),
        ['w'],
      );
      assert.equal((await reader.readBytes('x')).length, bytes);
      const refused = { code: 'safetensors.unread-dtype', message: new RegExp(`"x" has dtype ${dtype}`) };
      await assert.rejects(tensorStatistics(reader, 'x'), refused);
      await assert.rejects(reader.readFloat32('x'), refused);
      await assert.rejects(spectrumOf(reader, 'x'), refused);
      await assert.rejects(readValues(reader, 'x', { row: 0, column: 0, rows: 1, columns: 1 }), refused);
    });

  it('are compared by their bytes', async () => {
    const a = await fileWith('C64', 64);
    assert.equal((await diffCheckpoints(a, await fileWith('C64', 64))).identical, 2);
    const other = await diffCheckpoints(a, await fileWith('C64', 64, 2));
    assert.deepEqual(other.incomparable, [{ name: 'x', reason: 'its bytes differ; Winnow cannot read values of C64' }]);
    assert.deepEqual([other.identical, other.differences, other.changed], [1, [], []]);
    const changed = await diffCheckpoints(a, await fileWith('F16', 16));
    assert.deepEqual(changed.incomparable, [
      { name: 'x', reason: 'is C64 in a and F16 in b; Winnow cannot read values of C64' },
    ]);
    assert.equal(changed.changed.length, 1);
  });

  it('leave the layers beside them comparable where they are factors', async () => {
    const factors = (fill: number) => {
      const file = rawFile(
        {
          'l.u.weight': { dtype: 'F8_E8M0', shape: [2, 1], data_offsets: [0, 2] },
          'l.v.weight': { dtype: 'F8_E8M0', shape: [1, 2], data_offsets: [2, 4] },
          w: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
        },
        8,
      );
      file[file.length - 8] = fill;
      return openSafetensors(memorySource(file));
    };
    assert.equal((await diffCheckpoints(await factors(1), await factors(1))).identical, 2);
    const { identical, incomparable } = await diffCheckpoints(await factors(1), await factors(2));
    assert.equal(identical, 1);
    assert.match(incomparable[0]?.reason ?? '', /F8_E8M0, which Winnow cannot read/);
  });

  for (const [title, dtype, bytes, reason] of [
    ['F4 with a byte for each element', 'F4', 8, 'size-mismatch'],
    ['F6 with a byte too few', 'F6_E2M3', 5, 'size-mismatch'],
    ['C64 with four bytes for each element', 'C64', 32, 'size-mismatch'],
    ['no bytes at all for eight elements', 'Q1', 0, 'size-mismatch'],
    ['a dtype that is a sentence', 'F 32', 8, 'bad-dtype'],
    ['a dtype with a control character', 'F32\u001b', 8, 'bad-dtype'],
    ['a dtype without a name', '', 8, 'bad-dtype'],
    ['a dtype of a page', 'F'.repeat(500), 8, 'bad-dtype'],
  ] as const)
    it(`refuses ${title}`, async () => {
      await assert.rejects(fileWith(dtype, bytes), { code: `safetensors.${reason}` });
    });

  it('refuses a number of elements that fills no whole byte', async () => {
    const file = rawFile({ x: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, 2);
    await assert.rejects(openSafetensors(memorySource(file)), { code: 'safetensors.size-mismatch' });
  });
});
