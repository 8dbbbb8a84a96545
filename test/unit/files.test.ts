import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { recoverWrites, writeFolderAtomic } from '../../core/files';

describe('folders that replace each other', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-files-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const fill = (text: string) => (folder: string) => writeFile(path.join(folder, 'content'), text);
  const content = () => readFile(path.join(dir, 'last', 'content'), 'utf8');
  const make = async (name: string, text: string) => {
    await mkdir(path.join(dir, name));
    await fill(text)(path.join(dir, name));
  };

  it('leave nothing but the new one', async () => {
    await writeFolderAtomic(path.join(dir, 'last'), fill('old'));
    await writeFolderAtomic(path.join(dir, 'last'), fill('new'));
    assert.equal(await content(), 'new');
    assert.deepEqual(await readdir(dir), ['last']);
  });

  it('leave the old one when the new one cannot be filled', async () => {
    await writeFolderAtomic(path.join(dir, 'last'), fill('old'));
    const failing = writeFolderAtomic(path.join(dir, 'last'), () => Promise.reject(new Error('no')));
    await assert.rejects(failing, /no/);
    assert.equal(await content(), 'old');
    assert.deepEqual(await readdir(dir), ['last']);
  });

  it('come back after a crash between the two renames', async () => {
    await make('.displaced-last', 'old');
    await make('.partial-last-1234', 'new, perhaps not whole');
    await recoverWrites(dir);
    assert.equal(await content(), 'old');
    assert.deepEqual(await readdir(dir), ['last']);
  });

  it('are cleared away after a crash behind the second rename', async () => {
    await make('last', 'new');
    await make('.displaced-last', 'old');
    await recoverWrites(dir);
    assert.equal(await content(), 'new');
    assert.deepEqual(await readdir(dir), ['last']);
  });
});
