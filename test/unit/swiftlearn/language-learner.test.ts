import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { splitByDocument } from '../../../core/data/text/split';
import { floats, item } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import { languageLearner } from '../../../core/methods/swiftlearn/learners/language-learner';
import { causalSequence } from '../../../core/models/decoder/language-model';
import { hiddenStates } from '../../../core/models/decoder/forward';
import { Random } from '../../../core/random';
import { logitsOf, randomWeights, tinyConfig, withRuntime } from '../models/tiny';

const config = tinyConfig();
const weights = randomWeights(config, 9);
type Learner = ReturnType<typeof languageLearner>;
type HostBatch = Awaited<ReturnType<Learner['scoring']['take']>>['batch'];

const [T, B, V] = [7, 4, config.vocabulary];

const near = (actual: number, expected: number) => {
  assert.ok(Math.abs(actual - expected) < 1e-4 * Math.max(1, Math.abs(expected)), `${actual}, not ${expected}`);
};

describe('a language model as a learner', () => {
  let dir = '';
  let cache: TokenCache;
  let learner: Learner;
  before(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'winnow-language-'));
    const random = new Random(2);
    cache = await openTokenCache({
      corpus: {
        async *documents() {
          await Promise.resolve();
          for (const id of ['a', 'b', 'c', 'd']) yield { id, text: id.repeat(20) };
        },
        fingerprint: () => Promise.resolve('language'),
      },
      tokenizer: {
        vocabSize: V,
        eosId: V - 1,
        fingerprint: 'chance',
        encode: (text) => Array.from(text, () => random.int(V - 1)),
        decode: String,
      },
      cacheDir: dir,
    });
    learner = languageLearner({
      decoder: { config, json: {}, parameters: weights, tokenizerPath: '' },
      split: splitByDocument(cache, 0.25),
      fingerprint: 'language',
      blockLength: T,
      batchSize: B,
    });
  });
  after(async () => {
    cache.close();
    await rm(dir, { recursive: true });
  });

  /** What one block is worth, by the definitions, from its logits. */
  function worthOf(logits: Float32Array, targets: ArrayLike<number>, featureNorms: readonly number[]) {
    const sum = { loss: 0, el2n: 0, gradient: 0 };
    for (let token = 0; token < T; token++) {
      const row = Float64Array.from(logits.subarray(token * V, (token + 1) * V), Math.exp);
      const total = row.reduce((all, one) => all + one, 0);
      const target = targets[token]!;
      const el2n = Math.hypot(...row.map((one, c) => one / total - (c === target ? 1 : 0)));
      sum.loss += Math.log(total / row[target]!) / T;
      sum.el2n += el2n / T;
      sum.gradient += (el2n * Math.hypot(1, featureNorms[token]!)) / T;
    }
    return sum;
  }

  /** The batch's blocks by the definitions, and by the learner. */
  async function both(batch: HostBatch, rows: number) {
    const { inputs, targets } = batch;
    return withRuntime(async (runtime) => {
      const logits = await logitsOf(runtime, config, weights, [...inputs.data], B);
      const state = runtime.upload<Named<Tensor>>(weights);
      const program = runtime.compile(
        'of the test',
        (own: Named<Tensor>, call: { batch: Parameters<Learner['signals']>[1] }) => ({
          metrics: {
            features: hiddenStates(config, own, call.batch.inputs, causalSequence(config, B, T)),
            signals: learner.signals(own, call.batch),
            loss: learner.loss(own, call.batch).loss,
          },
        }),
      );
      const result = await program.run(state, { batch });
      const features = floats(result.features);
      const norm = (token: number) =>
        Math.hypot(...features.subarray(token * config.hidden, (token + 1) * config.hidden));
      const expected = Array.from({ length: rows }, (_, row) =>
        worthOf(
          logits.subarray(row * T * V, (row + 1) * T * V),
          targets.data.subarray(row * T, (row + 1) * T),
          Array.from({ length: T }, (_, token) => norm(row * T + token)),
        ),
      );
      return { expected, signals: result.signals, loss: item(result.loss) };
    });
  }

  it('has every whole block of the training part as a sample, once', async () => {
    const { scoring, size } = learner;
    assert.equal(size, Math.floor((3 * 21 - 1) / T));
    const seen: number[] = [];
    for (let number = 0; number < scoring.count; number++) seen.push(...(await scoring.take(number)).samples);
    assert.deepEqual(
      seen,
      Array.from({ length: size }, (_, i) => i),
    );
    const batches = learner.training({ samples: Uint32Array.from(seen), seed: 1, epoch: 0 });
    const trained: number[] = [];
    for (let number = 0; number < batches.count; number++) trained.push(...(await batches.take(number)).samples);
    assert.notDeepEqual(trained, seen);
    assert.deepEqual(
      trained.sort((a, b) => a - b),
      seen,
    );
  });

  it('scores blocks on the device as the definitions do, the padding of a batch apart', async () => {
    const last = learner.scoring.count - 1;
    for (const number of [0, last]) {
      const { batch, samples } = await learner.scoring.take(number);
      const { expected, signals } = await both(batch, samples.length);
      const outcomes = learner.outcomes(samples, signals);
      assert.equal(outcomes.length, samples.length);
      for (const [row, { loss, el2n, gradient }] of outcomes.entries()) {
        near(loss, expected[row]!.loss);
        near(el2n, expected[row]!.el2n);
        near(gradient, expected[row]!.gradient);
      }
      for (const { shape } of Object.values(signals)) assert.deepEqual(shape, [B]);
    }
  });

  it('has as its loss the mean of the weighted losses of the blocks, however few they are', async () => {
    const samples = Uint32Array.of(1, 4, 6);
    const factors = new Map([
      [1, 0.5],
      [4, 3],
      [6, 1],
    ]);
    const weighted = { samples, weights: Float32Array.from(samples, (sample) => factors.get(sample)!) };
    const { batch, samples: order } = await learner.training({ ...weighted, seed: 1, epoch: 2 }).take(0);
    const { expected, loss } = await both(batch, 3);
    const sum = expected.reduce((all, one, row) => all + factors.get(order[row]!)! * one.loss, 0);
    near(loss, sum / 3);
  });
});
