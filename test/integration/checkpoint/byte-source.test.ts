import assert from 'node:assert/strict';
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { memorySource, openFileSource } from '../../../core/checkpoint/byte-source';
import { tempFolder } from './temp-folder';

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

describe('byte sources', () => {
  it('read the same from file and memory, and refuse ranges outside', async (test) => {
    const file = path.join(await tempFolder(test), 'bytes');
    await writeFile(file, bytes);
    for (const source of [await openFileSource(file), memorySource(bytes)]) {
      assert.equal(source.size, 100);
      assert.deepEqual(await source.read(0, 100), bytes);
      assert.deepEqual(await source.read(98, 2), Uint8Array.of(98, 99));
      assert.deepEqual(await source.read(100, 0), new Uint8Array(0));
      for (const [offset, length] of [
        [99, 2],
        [-1, 1],
        [0, -1],
        [0.5, 1],
        [0, NaN],
        [2 ** 53, 1],
      ] as const) {
        await assert.rejects(source.read(offset, length), RangeError);
      }
      await source.close();
    }
  });

  it('give copies', async () => {
    const source = memorySource(bytes);
    (await source.read(0, 1))[0] = 9;
    assert.deepEqual(await source.read(0, 1), Uint8Array.of(0));
  });

  it('serve reads that overlap in time', async (test) => {
    const file = path.join(await tempFolder(test), 'bytes');
    await writeFile(file, bytes);
    const source = await openFileSource(file, 0);
    const reads = await Promise.all(Array.from({ length: 100 }, (_, i) => source.read(i, 1)));
    assert.deepEqual(
      reads.map(([byte]) => byte),
      [...bytes],
    );
    await source.close();
    await assert.rejects(source.read(0, 1), /after it was closed/);
  });

  it('name what cannot be opened', async (test) => {
    const folder = await tempFolder(test);
    await assert.rejects(openFileSource(path.join(folder, 'none')), { code: 'file.not-found' });
    await assert.rejects(openFileSource(folder), { code: 'file.not-a-file' });
    await mkdir(path.join(folder, 'sub'));
    await writeFile(path.join(folder, 'file'), '');
    await assert.rejects(openFileSource(path.join(folder, 'file', 'below')), { code: 'file.not-found' });
  });

  it('fail when the file is cut while it is open', async (test) => {
    const file = path.join(await tempFolder(test), 'bytes');
    await writeFile(file, bytes);
    const source = await openFileSource(file);
    await truncate(file, 50);
    assert.deepEqual(await source.read(0, 1), Uint8Array.of(0));
    await assert.rejects(source.read(40, 20), { code: 'file.changed' });
    await source.close();
  });

  it('give the handle back when idle, and then see that the file was replaced or deleted', async (test) => {
    const folder = await tempFolder(test);
    const file = path.join(folder, 'bytes');
    await writeFile(file, bytes);
    const source = await openFileSource(file, 0);
    await delay(50);
    assert.deepEqual(await source.read(7, 1), Uint8Array.of(7), 'opened again on demand');
    await delay(50);
    await writeFile(path.join(folder, 'other'), bytes);
    await rename(path.join(folder, 'other'), file);
    await assert.rejects(source.read(7, 1), { code: 'file.changed' });
    await rm(file);
    await assert.rejects(source.read(7, 1), { code: 'file.not-found' });
    await source.close();
  });
});
