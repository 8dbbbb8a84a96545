import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { HeldOutBlocks, TrainingBlocks, type TokenBatch } from '../../../core/data/text/batches';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { TokenStream } from '../../../core/data/text/token-stream';
import type { RunEvent } from '../../../core/experiments/events';
import { trainDecoder } from '../../../core/methods/pretrain/train-decoder';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { initialize } from '../../../core/models/decoder/initialize';
import { EMBEDDING } from '../../../core/models/decoder/layout';
import { TrainingConfig } from '../../../core/training/config';
import { Studio } from './studio';

const JSON_CONFIG = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 128,
  max_position_embeddings: 16,
  tie_word_embeddings: true,
};
const SHAPE = { batchSize: 2, blockLength: 8 };

/** Training blocks that write down which batches were asked for. */
class RecordedBlocks extends TrainingBlocks {
  readonly asked: number[] = [];

  override batch(step: number): TokenBatch {
    this.asked.push(step);
    return super.batch(step);
  }
}

describe('trainDecoder', () => {
  let studio: Studio;
  let cache: TokenCache;
  before(async () => {
    studio = await Studio.open();
    const corpus = {
      async *documents() {
        await Promise.resolve();
        yield { id: '0', text: 'round and round the garden like a teddy bear '.repeat(8) };
      },
      fingerprint: () => Promise.resolve('garden'),
    };
    const tokenizer = {
      vocabSize: 128,
      eosId: 0,
      fingerprint: 'bytes',
      encode: (text: string) => [...Buffer.from(text)],
      decode: String,
    };
    cache = await openTokenCache({ corpus, tokenizer, cacheDir: studio.folder });
    await writeFile(path.join(studio.folder, 'tokenizer.json'), '{}');
  });
  after(async () => {
    cache.close();
    await studio.close();
  });

  const stream = () => {
    const { ends, bytes } = cache.documents;
    return new TokenStream(cache, { starts: Float64Array.of(0), ends, bytes });
  };

  /** Trains all but the embedding for four steps of two micro-batches. */
  async function train(name: string, settings: { checkpointSeconds?: number; dataOffset?: number }) {
    const events: RunEvent[] = [];
    const context = await studio.context(name, new AbortController().signal, (event) => events.push(event));
    const decoder = parseDecoderConfig(JSON_CONFIG);
    const { [EMBEDDING]: embedding, ...parameters } = initialize(decoder, 1);
    const blocks = new RecordedBlocks(stream(), { ...SHAPE, seed: 1 });
    const { dataOffset = 0, ...training } = settings;
    const trained = await trainDecoder(context, {
      phase: 'test',
      decoder,
      json: JSON_CONFIG,
      tokenizerPath: path.join(studio.folder, 'tokenizer.json'),
      parameters,
      frozen: { [EMBEDDING]: embedding! },
      training: TrainingConfig.parse({ batchSize: SHAPE.batchSize, accumulate: 2, ...training }),
      train: blocks,
      heldOut: new HeldOutBlocks(stream(), SHAPE),
      blockLength: SHAPE.blockLength,
      steps: 4,
      dataOffset,
      evaluateEvery: 2,
      evaluateShare: 1,
    });
    return {
      events,
      trained,
      asked: blocks.asked,
      embedding: embedding!,
      dir: path.join(context.checkpointsDir, 'last'),
    };
  }

  it('reads the stream of data from where an earlier phase left it', async () => {
    assert.deepEqual((await train('first', {})).asked, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual((await train('later', { dataOffset: 4 })).asked, [8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it('saves by time a whole model that a later call continues from', async () => {
    const { events, trained, embedding, dir } = await train('timed', { checkpointSeconds: 1e-9 });
    const saved = events.filter((event) => event.type === 'checkpoint').map(({ step }) => step);
    assert.deepEqual(saved, [1, 2, 3]);
    assert.deepEqual((await loadDecoder(dir)).parameters[EMBEDDING], embedding);
    const again = await train('timed', {});
    assert.deepEqual(again.asked, [6, 7]);
    assert.deepEqual(again.trained.parameters, trained.parameters);
  });

  it('reports every step, in tokens too, and evaluates as often as asked', async () => {
    const { events } = await train('reports', {});
    const metrics = events.filter((event) => event.type === 'metrics');
    const steps = metrics.filter(({ values }) => 'loss' in values);
    assert.deepEqual(
      steps.map(({ step, tokens, phase }) => [step, tokens, phase]),
      [1, 2, 3, 4].map((step) => [step, step * 2 * 2 * 8, 'test']),
    );
    const evaluations = metrics.filter(({ values }) => 'heldOut/perplexity' in values);
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      [2, 4],
    );
  });
});
