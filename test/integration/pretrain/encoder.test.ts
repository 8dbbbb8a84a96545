import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import type { RunEvent } from '../../../core/protocol/events';
import { pretrainArtifact } from '../../../core/methods/pretrain/artifacts';
import { PretrainConfig } from '../../../core/methods/pretrain/config';
import { encoderFolder } from '../../../core/models/embedded';
import { pretrain } from '../../../core/methods/pretrain';
import { runPretrain } from '../../../core/methods/pretrain/pipeline';
import { loadEncoder } from '../../../core/models/encoder/checkpoint';
import { readMeta } from '../../../core/checkpoint/training-state';
import { DATA, Studio, type Run } from '../plrd/studio';
import { flip } from '../../bit-flip';
import type { Watch } from '../run-folder';

const SETTINGS = {
  objective: 'masked',
  model: {
    hidden_size: 48,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    max_position_embeddings: 64,
  },
  vocabulary: 300,
  data: DATA,
  epochs: 12,
  training: { batchSize: 8, learningRate: 0.004 },
  evaluateEvery: 25,
};

const heldOutLosses = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'metrics' ? (event.values['heldOut/loss'] ?? []) : []));

describe('pretraining of an encoder', () => {
  let studio: Studio;
  let whole: Run;
  const run = (name: string, watch?: Watch, changes: object = {}) =>
    studio.run(name, (context) => runPretrain(PretrainConfig.parse({ ...SETTINGS, ...changes }), context), watch);
  const final = ({ context }: Run) => path.join(context.checkpointsDir, 'final');
  before(async () => {
    studio = await Studio.open();
    whole = await run('whole');
  });
  after(() => studio.close());

  it('learns to fill in tokens of text that it has not seen', async () => {
    const file = path.join(whole.context.artifactsDir, 'pretrain.json');
    const { heldOut, steps } = pretrainArtifact.parse(JSON.parse(await readFile(file, 'utf8')));
    const losses = heldOutLosses(whole.events);
    assert.ok(losses.length > 2);
    assert.ok(heldOut.loss < losses[0]! - 0.2, `from ${losses.join(', ')} to ${heldOut.loss}`);
    assert.ok(heldOut.loss < Math.log(300) - 2, `${heldOut.loss} nats`);
    assert.ok(heldOut.accuracy > 0.1, String(heldOut.accuracy));
    assert.equal(heldOut.perplexity, Math.exp(heldOut.loss));
    const meta = await readMeta(final(whole));
    assert.equal(meta?.step, steps);
    assert.equal(meta.metrics['heldOut/perplexity'], heldOut.perplexity);
  });

  it('leaves a Hugging Face folder of a BERT that other heads begin from', async () => {
    const { config, fresh, json, tokenizerPath } = await loadEncoder(final(whole), { head: 'masked' });
    assert.deepEqual(fresh, []);
    assert.deepEqual(json.architectures, ['BertForMaskedLM']);
    assert.equal(json.torch_dtype, 'float16');
    assert.equal(config.maxPositions, 64);
    const tokenizer = await loadTokenizer(tokenizerPath);
    assert.equal(tokenizer.vocabSize, config.vocabulary);
    const classifier = await loadEncoder(encoderFolder(final(whole), '/'), { head: 'sequence', labels: ['x', 'y'] });
    assert.equal(classifier.fresh.length, 4);
  });

  it('ends with the same bits when it is cut and resumed', async () => {
    const stop = new AbortController();
    await assert.rejects(
      run('cut', {
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type === 'metrics' && event.step === 31) stop.abort(new Error('enough'));
        },
      }),
      /enough/,
    );
    const told: string[] = [];
    await flip(path.join(studio.folder, 'runs/cut/artifacts'), { file: 'tokenizer.json', place: 0.5, bit: 0 });
    const resumed = await run('cut', { log: (text) => told.push(text) });
    assert.match(told.join('\n'), /tokenizer\.json was damaged after it was written; the tokenizer is trained again/);
    assert.ok(resumed.events.some((event) => event.type === 'checkpoint' && event.name === 'last'));
    const bytes = async (made: Run) => {
      const folder = await openModelFolder(final(made));
      const tensors = await Promise.all(Array.from(folder.tensors.keys(), (name) => folder.readBytes(name)));
      await folder.close();
      return Buffer.concat(tensors);
    };
    assert.ok((await bytes(resumed)).equals(await bytes(whole)));
    assert.deepEqual(heldOutLosses(resumed.events).at(-1), heldOutLosses(whole.events).at(-1));
  });

  it('is planned, and refuses blocks that the model cannot read', async () => {
    const plan = (settings: object) => pretrain.plan(PretrainConfig.parse(settings), { baseDir: studio.folder });
    const { stages, seconds } = await plan(SETTINGS);
    assert.match(stages[1]!, /an encoder of 0\.1 million parameters/);
    assert.ok(seconds! > 0);
    const long = { ...SETTINGS, data: { ...DATA, blockLength: 65 } };
    await assert.rejects(plan(long), { code: 'data.block-too-long' });
    await assert.rejects(run('long', undefined, { data: long.data }), { code: 'data.block-too-long' });
  });

  it('is no parent of another name', () => {
    assert.throws(() => encoderFolder('embedded:parrot', '.'), { code: 'model.unknown-embedded' });
  });
});
