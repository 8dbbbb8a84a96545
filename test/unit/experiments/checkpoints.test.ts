import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  checkpointFolder,
  describeCheckpoint,
  glanceAt,
  listCheckpoints,
} from '../../../core/experiments/library/checkpoints';
import { writeVit } from '../../fixtures/models';

describe('what a list says of a checkpoint', () => {
  let folder = '';
  let whole = '';
  const at = (name: string) => path.join(folder, name);
  const damage = async (name: string, change: (weights: string) => Promise<unknown>) => {
    await writeVit(at(name));
    await change(path.join(at(name), 'model.safetensors'));
    return glanceAt(at(name));
  };
  const is = async (glance: ReturnType<typeof glanceAt>, what: string, why: RegExp) => {
    const { trouble, words } = await glance;
    assert.equal(trouble?.what, what, trouble?.why);
    assert.match(trouble.why, why);
    assert.deepEqual(words, []);
  };
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-glance-'));
    whole = at('whole');
    await writeVit(whole);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('is its size, and which model it is', async () => {
    assert.deepEqual(await glanceAt(whole), { words: ['28.2K', '112.8 kB'], model: 'vit' });
    const file = await glanceAt(path.join(whole, 'model.safetensors'));
    assert.deepEqual([file.words, file.model], [['28.2K', '112.8 kB'], undefined]);
  });

  it('is missing only where nothing is there', async () => {
    await is(glanceAt(at('nowhere')), 'missing', /no/i);
    await is(glanceAt(path.join(whole, 'nothing.safetensors')), 'missing', /no/i);
  });

  it('is incomplete where it was cut off', async () => {
    await is(
      damage('cut', (file) => truncate(file, 60_000)),
      'incomplete',
      /cut off/,
    );
    await is(
      damage('empty', (file) => truncate(file, 0)),
      'incomplete',
      /is empty/,
    );
    await is(
      damage('no-weights', (file) => rm(file)),
      'incomplete',
      /model\.safetensors/,
    );
    const sharded = damage('sharded', async (file) => {
      await rm(file);
      await writeFile(`${file}.index.json`, JSON.stringify({ weight_map: { a: 'model-00001-of-00001.safetensors' } }));
    });
    await is(sharded, 'incomplete', /lacks the shard/);
  });

  it('is damaged where its bytes are no model', async () => {
    await is(
      damage('text', (file) => writeFile(file, 'this is a text and no header')),
      'damaged',
      /header/,
    );
    await is(
      damage('config', (file) => writeFile(path.join(path.dirname(file), 'config.json'), '{')),
      'damaged',
      /JSON/,
    );
    const flipped = damage('flipped', async (file) => {
      const bytes = await readFile(file);
      bytes[9] = 0x00;
      await writeFile(file, bytes);
    });
    await is(flipped, 'damaged', /header/);
  });

  it(
    'is unreadable where it may not be read',
    { skip: process.getuid?.() === 0 && 'root may read everything' },
    async () => {
      await is(
        damage('denied', (file) => chmod(file, 0)),
        'unreadable',
        /Not allowed/,
      );
    },
  );

  it('is nothing bad of what a program wrote in a format of its own, unless it is gone', async () => {
    const run = at('run');
    const checkpoint = async (name: string, meta: object) => {
      await mkdir(path.join(run, 'checkpoints', name), { recursive: true });
      await writeFile(path.join(run, 'checkpoints', name, 'meta.json'), JSON.stringify(meta));
    };
    await writeFile(at('epoch-3.pt'), 'PK');
    await checkpoint('own', { kind: 'model', step: 3, source: at('epoch-3.pt'), metrics: { loss: 0.5 } });
    await checkpoint('gone', { kind: 'model', step: 4, source: at('epoch-4.pt') });
    await checkpoint('weights', { kind: 'model', step: 5, source: path.join(whole, 'model.safetensors') });
    await checkpoint('broken', { kind: 'model', step: 6, source: path.join(at('cut'), 'model.safetensors') });
    const described = await Promise.all((await listCheckpoints(run)).map(describeCheckpoint));
    assert.deepEqual(
      described.map(({ name, description, trouble }) => [name, description, trouble?.what]),
      [
        ['broken', 'incomplete', 'incomplete'],
        ['gone', 'missing', 'missing'],
        ['own', 'loss 0.5', undefined],
        ['weights', '28.2K · 112.8 kB', undefined],
      ],
    );
    assert.equal(await checkpointFolder(at('epoch-3.pt'), run), path.join(run, 'checkpoints', 'own'));
    assert.equal(await checkpointFolder(whole, undefined), whole);
  });
});
