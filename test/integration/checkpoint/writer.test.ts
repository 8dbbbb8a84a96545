import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { DTYPE_BYTES, dtypeBits, type Dtype } from '../../../core/checkpoint/dtype';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { float32Tensor, writeSafetensors, type TensorToWrite } from '../../../core/checkpoint/safetensors-writer';
import { PARTIAL } from '../../../core/files';
import { tempFolder } from './temp-folder';

const filled = (bytes: number, first = 0) => Uint8Array.from({ length: bytes }, (_, i) => (first + i) & 0x7f);

describe('writing and reading safetensors', () => {
  it('gives back every dtype, shape and byte, aligned, with the metadata', async (test) => {
    const file = path.join(await tempFolder(test), 'all.safetensors');
    const dtypes = Object.keys(DTYPE_BYTES) as Dtype[];
    const tensors = dtypes.reverse().flatMap((dtype, i): TensorToWrite[] => [
      { name: `${dtype} "quoted" ü`, dtype, shape: [3, 5], data: filled(15 * DTYPE_BYTES[dtype], i) },
      { name: `${dtype} scalar`, dtype, shape: [], data: () => Promise.resolve(filled(DTYPE_BYTES[dtype], i)) },
      { name: `${dtype} empty`, dtype, shape: [0, 7], data: new Uint8Array(0) },
    ]);
    // Dtypes whose values are not read are copied all the same, even those that the format does not have.
    tensors.push(
      { name: 'nibbles', dtype: 'F4', shape: [3, 2], data: filled(3, 1) },
      { name: 'complex', dtype: 'C64', shape: [2], data: filled(16, 1) },
      { name: 'of tomorrow', dtype: 'I2', shape: [5], byteLength: 2, data: filled(2, 1) },
    );
    await writeSafetensors(file, tensors, { format: 'pt', note: 'ü\n"' });
    const read = await openSafetensorsFile(file);
    assert.deepEqual(read.metadata, { format: 'pt', note: 'ü\n"' });
    assert.equal((8 + read.headerBytes) % 8, 0);
    assert.equal(read.tensors.size, tensors.length);
    for (const { name, dtype, shape, data } of tensors) {
      const info = read.tensors.get(name)!;
      assert.deepEqual([info.dtype, info.shape], [dtype, shape]);
      assert.equal(info.byteOffset % ((dtypeBits(dtype) ?? 8) >> 3 || 1), 0);
      const bytes = typeof data === 'function' ? await data() : data;
      assert.deepEqual(await read.readBytes(name), bytes);
    }
    await read.close();
  });

  it('reads ranges, chunks and float32', async (test) => {
    const file = path.join(await tempFolder(test), 'w.safetensors');
    const values = Float32Array.from({ length: 600_000 }, (_, i) => i % 1024);
    await writeSafetensors(file, [
      float32Tensor('h', [600, 1000], values, 'F16'),
      float32Tensor('f', [600_000], values),
    ]);
    const read = await openSafetensorsFile(file);
    assert.deepEqual(await read.readFloat32('h'), values);
    assert.deepEqual(await read.readFloat32('f'), values);
    assert.deepEqual(await read.readBytes('h', { offset: 2, length: 2 }), Uint8Array.of(0x00, 0x3c));
    await assert.rejects(read.readBytes('h', { offset: 1_199_999, length: 2 }), RangeError);
    const lengths: number[] = [];
    for await (const chunk of read.chunks('f', 1_000_003)) lengths.push(chunk.length);
    assert.deepEqual(lengths, [1_000_000, 1_000_000, 400_000]);
    await assert.rejects(read.chunks('f', 3).next(), RangeError);
    await assert.rejects(read.readFloat32('none'), { code: 'safetensors.no-tensor' });
    await read.close();
  });

  it('gives back any set of tensors', async (test) => {
    const file = path.join(await tempFolder(test), 'any.safetensors');
    const tensor = fc.record({
      name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom<Dtype>('F64', 'F32', 'BF16', 'I8', 'BOOL'),
      shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    });
    const set = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(set, async (infos) => {
        const bytesOf = ({ dtype, shape }: (typeof infos)[number]) =>
          filled(
            shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]),
            shape.length,
          );
        await writeSafetensors(
          file,
          infos.map((info) => ({ ...info, data: () => bytesOf(info) })),
        );
        const read = await openSafetensorsFile(file);
        for (const info of infos) assert.deepEqual(await read.readBytes(info.name), bytesOf(info));
        assert.equal(read.tensors.size, infos.length);
        await read.close();
      }),
      { numRuns: 40, seed: 6 },
    );
  });
});

describe('the streaming writer', () => {
  it('asks for a tensor only when all before it are on their way to the disk', async (test) => {
    const folder = await tempFolder(test);
    const bytes = 300_000;
    const sizes: number[] = [];
    const written = async () => {
      const [partial] = (await readdir(folder)).filter((name) => name.startsWith(PARTIAL));
      return (await stat(path.join(folder, partial!))).size;
    };
    const tensors = Array.from({ length: 4 }, (_, i) => ({
      name: `t${i}`,
      dtype: 'U8' as const,
      shape: [bytes],
      data: async function* () {
        sizes.push(await written());
        yield filled(bytes / 2);
        sizes.push(await written());
        yield filled(bytes / 2);
      },
    }));
    await writeSafetensors(path.join(folder, 'w.safetensors'), tensors);
    const [header] = sizes;
    assert.ok(header! > 0 && header! < 1000);
    assert.deepEqual(
      sizes,
      Array.from({ length: 8 }, (_, i) => header! + (i * bytes) / 2),
    );
  });

  const good: TensorToWrite = { name: 'good', dtype: 'F32', shape: [2], data: filled(8) };
  const failures: [title: string, tensors: TensorToWrite[], expected: object][] = [
    ['too few bytes', [good, { ...good, name: 'x', data: filled(7) }], { code: 'safetensors.wrong-byte-count' }],
    ['too many bytes', [good, { ...good, name: 'x', data: () => filled(9) }], { code: 'safetensors.wrong-byte-count' }],
    ['no bytes at all', [{ ...good, data: new Uint8Array(0) }], { code: 'safetensors.wrong-byte-count' }],
    ['two of a name', [good, good], { code: 'safetensors.duplicate-name' }],
    ['the name of the metadata', [{ ...good, name: '__metadata__' }], { code: 'safetensors.bad-name' }],
    ['a negative dimension', [{ ...good, shape: [-1, -2] }], { code: 'safetensors.bad-shape' }],
    ['a size beyond numbers', [{ ...good, shape: [2 ** 52, 4] }], { code: 'safetensors.bad-shape' }],
    [
      'a producer that fails',
      [good, { ...good, name: 'x', data: () => Promise.reject(new Error('boom')) }],
      { message: 'boom' },
    ],
  ];
  for (const [title, tensors, expected] of failures) {
    it(`leaves the old file and nothing else after ${title}`, async (test) => {
      const folder = await tempFolder(test);
      const file = path.join(folder, 'w.safetensors');
      await writeFile(file, 'old');
      await assert.rejects(writeSafetensors(file, tensors), expected);
      assert.deepEqual(await readdir(folder), ['w.safetensors']);
      assert.equal(await readFile(file, 'utf8'), 'old');
    });
  }

  it('says that the folder is gone', async (test) => {
    const file = path.join(await tempFolder(test), 'gone', 'w.safetensors');
    await assert.rejects(writeSafetensors(file, [good]), { code: 'disk.vanished' });
  });

  it('says that the disk is full', async (test) => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
    const file = path.join(await tempFolder(test), 'w.safetensors');
    await assert.rejects(writeSafetensors(file, [{ ...good, data: () => Promise.reject(full) }]), {
      code: 'disk.full',
    });
  });
});
