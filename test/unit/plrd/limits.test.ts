import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { plrd } from '../../../core/methods/plrd';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { countParameters } from '../../../core/models/decoder/layout';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { decomposable, energyRanks, uniformRanks } from '../../../core/methods/plrd/allocation/ranks';

describe('a plan refuses', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-limits-'));
    const question = JSON.stringify({ context: 'a', choices: [' b', ' c'], gold: 0 });
    await writeFile(path.join(dir, 'cloze.jsonl'), question);
  });
  after(() => rm(dir, { recursive: true }));

  const plan = (spec: object) => plrd.plan(PlrdConfig.parse(spec), { baseDir: dir });
  const refuses = (what: string, spec: object, code: string) =>
    it(what, () => assert.rejects(plan(spec), { name: 'UserError', code }));

  refuses(
    'members that coarse ranks make equal',
    { schedule: { values: [0.8, 0.78] }, allocation: 'uniform', rankMultiple: 64 },
    'plrd.not-smaller',
  );
  for (const [allocation, code] of Object.entries({
    uniform: 'plrd.not-smaller',
    sensitivity: 'plrd.target-too-small',
  }))
    refuses(
      `ranks too coarse for any layer, ${allocation}`,
      { schedule: { values: [0.5] }, allocation, rankMultiple: 256 },
      code,
    );
  // In multiples of 64, the smallest ranks are two fifths of the parent.
  refuses(
    'ranks too coarse for the smallest size',
    { schedule: { values: [0.7, 0.35] }, rankMultiple: 64 },
    'plrd.target-too-small',
  );
  refuses('sequences longer than the model reads', { data: { blockLength: 1024 } }, 'data.block-too-long');
  refuses('blocks that the parent does not have', { layers: { skipBlocks: [6] } }, 'plrd.no-such-block');
  refuses('tasks that are not there', { evaluation: { tasks: ['none.jsonl'] } }, 'data.not-found');
  refuses('a task with the name of another', { evaluation: { tasks: ['cloze.jsonl'] } }, 'plrd.task-name');
  refuses(
    'one rank for all under an allocation that gives each its own',
    { schedule: { by: 'rank', values: [32] }, allocation: 'energy' },
    'plrd.schedule',
  );
});

describe('ranks in multiples that some layers are too small for', () => {
  const decoder = parseDecoderConfig({
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 256,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    vocab_size: 100,
    max_position_embeddings: 64,
  });
  const layers = decomposable(decoder, PlrdConfig.parse({}).layers);
  const full = countParameters(decoder).linear;
  // k and v are 16 × 64: their break-even is 12.8.
  const small = layers.filter(({ kind }) => kind === 'k' || kind === 'v').map(({ name }) => name);

  it('leave those full', () => {
    const spectra = new Map(
      layers.map(({ name, outputs, inputs }) => [name, new Float64Array(Math.min(outputs, inputs)).fill(1)]),
    );
    for (const ranks of [uniformRanks(layers, 0.7, 16), energyRanks(layers, spectra, 0.7 * full, 16)]) {
      for (const name of small) assert.equal(ranks[name], undefined);
      assert.equal(Object.keys(ranks).length, layers.length - small.length);
      assert.ok(countParameters({ ...decoder, ranks }).linear < full);
    }
  });
});
