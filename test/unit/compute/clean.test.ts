import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { cleanDaily } from '../../../core/compute/agent/clean';

describe('cleaning up at a connection', () => {
  it('is done once a day, and keeps the versions that were used last', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'winnow-clean-'));
    try {
      const version = async (name: string, days: number) => {
        const place = path.join(folder, 'versions', name);
        await mkdir(place, { recursive: true });
        const then = new Date(Date.now() - days * 24 * 3600e3);
        await utimes(place, then, then);
      };
      for (const [name, days] of [
        ['own', 100],
        ['a', 1],
        ['b', 20],
        ['c', 21],
        ['d', 22],
        ['e', 2],
      ] as const)
        await version(name, days);
      await cleanDaily(folder, 'own');
      const left = ['a', 'b', 'e', 'own'];
      assert.deepEqual((await readdir(path.join(folder, 'versions'))).sort(), left);
      await version('c', 21);
      await cleanDaily(folder, 'own');
      assert.deepEqual((await readdir(path.join(folder, 'versions'))).sort(), ['a', 'b', 'c', 'e', 'own']);
      const stamp = path.join(folder, 'cleaned');
      await writeFile(stamp, '');
      await utimes(stamp, 0, 0);
      await cleanDaily(folder, 'own');
      assert.deepEqual((await readdir(path.join(folder, 'versions'))).sort(), left);
      assert.ok((await stat(stamp)).mtimeMs > 1000);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
