import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../../../core/engine/grad';
import { f32, floats, i32, type HostTensor } from '../../../../core/engine/host';
import { crossEntropy } from '../../../../core/engine/ops/loss';
import type { Named } from '../../../../core/engine/optimizer';
import type { Runtime } from '../../../../core/engine/runtime/runtime';
import { flopsPerMaskedSequence, flopsPerSequence } from '../../../../core/models/encoder/cost';
import {
  classifySequences,
  encoderForward,
  maskedLogits,
  type EncoderInputs,
} from '../../../../core/models/encoder/forward';
import { initializeEncoder } from '../../../../core/models/encoder/initialize';
import { countEncoderParameters } from '../../../../core/models/encoder/layout';
import { parseEncoderConfig, type EncoderConfig } from '../../../../core/models/encoder/config';
import { reference, traced } from '../../engine/both';
import { largestDifference, withRuntime } from '../tiny';
import { computed, randomEncoder, randomInputs, tinyEncoder } from './tiny';

const LENGTHS = [12, 7, 2];

describe('an encoder', () => {
  for (const family of ['bert', 'distilbert'])
    it(`(${family}) does not see padding, whatever stands there`, async () => {
      const config = tinyEncoder({ model_type: family });
      const weights = randomEncoder(config, 'sequence', 3);
      const long = randomInputs(config, LENGTHS, 12, 4);
      const row = (tensor: HostTensor, tokens: number) =>
        i32([1, tokens], Int32Array.from(tensor.data.slice(12, 12 + tokens)));
      const short = { ids: row(long.ids, 7), mask: row(long.mask, 7), types: row(long.types, 7) };
      const classify = (parameters: Named<Tensor>, inputs: EncoderInputs) =>
        classifySequences(config, parameters, inputs);
      await withRuntime(async (runtime) => {
        const together = await computed(runtime, weights, long, classify);
        const alone = await computed(runtime, weights, short, classify);
        assert.ok(largestDifference(together.slice(3, 6), alone) < 1e-5);
        assert.deepEqual(await computed(runtime, weights, long, classify), together);
      });
    });

  it('with a single kind of segment adds the same to every token', async () => {
    const [one, two] = [1, 2].map((type_vocab_size) => tinyEncoder({ type_vocab_size })) as [
      EncoderConfig,
      EncoderConfig,
    ];
    const weights = randomEncoder(two, 'sequence', 3);
    const types = 'bert.embeddings.token_type_embeddings.weight';
    const single = f32([1, one.hidden], floats(weights[types]!).slice(0, one.hidden));
    const { ids, mask } = randomInputs(two, LENGTHS, 12, 4);
    const inputs = { ids, mask, types: i32([3, 12], new Int32Array(36)) };
    await withRuntime(async (runtime) => {
      const by = (config: EncoderConfig, given: typeof weights) =>
        computed(runtime, given, inputs, (parameters, batch) => classifySequences(config, parameters, batch));
      assert.ok(largestDifference(await by(one, { ...weights, [types]: single }), await by(two, weights)) < 1e-6);
    });
  });

  it('classifies by the first token of the whole transformer, though it computes no other to the end', async () => {
    const config = tinyEncoder();
    const weights = randomEncoder(config, 'sequence', 3);
    const inputs = randomInputs(config, LENGTHS, 12, 4);
    const byHand = (parameters: Named<Tensor>, inputs: EncoderInputs) => {
      const linear = (name: string, x: Tensor) =>
        tf.add(tf.matMul(x, parameters[`${name}.weight`]!, false, true), parameters[`${name}.bias`]!);
      const [first] = tf.split(encoderForward(config, parameters, inputs), [1, 11], 1);
      return linear('classifier', tf.tanh(linear('bert.pooler.dense', tf.reshape(first!, [3, -1]))));
    };
    await withRuntime(async (runtime) => {
      const short = await computed(runtime, weights, inputs, (parameters, given) =>
        classifySequences(config, parameters, given),
      );
      const whole = await computed(runtime, weights, inputs, byHand);
      assert.ok(largestDifference(short, whole) < 1e-5);
      assert.ok(Math.max(...whole.map(Math.abs)) > 0.01);
    });
  });

  it('gives finite numbers for a row that is all padding', async () => {
    const config = tinyEncoder();
    const logits = await withRuntime((runtime) =>
      computed(
        runtime,
        randomEncoder(config, 'sequence', 3),
        randomInputs(config, [5, 0], 8, 1),
        (parameters, inputs) => classifySequences(config, parameters, inputs),
      ),
    );
    assert.ok(logits.every(Number.isFinite));
  });

  for (const family of ['bert', 'distilbert'])
    for (const head of ['sequence', 'masked'] as const)
      it(`(${family}, ${head}) has the gradients that tf.js computes on the CPU`, async () => {
        const config = tinyEncoder({ model_type: family });
        const weights = randomEncoder(config, head, 5);
        const batch = {
          inputs: randomInputs(config, LENGTHS, 12, 6),
          positions: i32([4], [1, 4, 13, 25]),
          targets: head === 'sequence' ? i32([3], [0, 2, 1]) : i32([4], [60, 3, -1, 17]),
        };
        type Batch = { inputs: EncoderInputs; positions: Tensor; targets: Tensor };
        const gradientsOn = async (runtime: Runtime) => {
          const program = runtime.compile('gradients', (parameters: Named<Tensor>, given: Batch) => {
            const { gradients } = valueAndGradients(parameters, (values) => {
              const logits =
                head === 'sequence'
                  ? classifySequences(config, values, given.inputs)
                  : maskedLogits(config, values, given.inputs, given.positions);
              return { loss: tf.mean(crossEntropy(logits, given.targets)), aux: {} };
            });
            return { metrics: gradients };
          });
          return program.run(runtime.upload<Named<Tensor>>(weights), batch);
        };
        const [ours, theirs] = [await gradientsOn(traced), await gradientsOn(reference)];
        for (const [name, gradient] of Object.entries(theirs)) {
          const values = floats(gradient);
          const size = Math.max(...values.map(Math.abs));
          const difference = largestDifference(floats(ours[name]!), values);
          assert.ok(difference < 1e-4 * Math.max(1, size), `${name}: ${difference}`);
          // A key's bias moves all scores of a query alike, which softmax does not see.
          if (!/(key|k_lin)\.bias$/.test(name)) assert.ok(size > 1e-6, `${name} has no gradient`);
        }
      });

  it('of the size of bert-base-uncased has its parameters and its operations', () => {
    const config = parseEncoderConfig({ model_type: 'bert' });
    // 109 482 240 of BertModel, and two classes.
    assert.equal(countEncoderParameters(config, 'sequence'), 109_482_240 + 2 * 768 + 2);
    // 2 * 12 * (12 d² n + 2 n² d) of the blocks at n = 128, d = 768, and the head on one token.
    const blocks = 2 * 12 * (12 * 768 ** 2 * 128 + 2 * 128 ** 2 * 768);
    // What the last block leaves out of the 127 other tokens: queries, output, scores, values and the MLP.
    const leftOut = 2 * 127 * (10 * 768 ** 2 + 2 * 128 * 768);
    assert.equal(flopsPerSequence(config, 128), blocks - leftOut + 2 * 768 * 770);
    assert.equal(flopsPerMaskedSequence(config, 128, 19), blocks + 2 * 19 * 768 * (768 + 30_522));
  });

  it('begins with norms of one, biases of zero and weights of the deviation that its config names', () => {
    for (const family of ['bert', 'distilbert']) {
      const config = tinyEncoder({ model_type: family, initializer_range: 0.1 });
      for (const [name, tensor] of Object.entries(initializeEncoder(config, 'masked', 1))) {
        const values = floats(tensor);
        if (/(LayerNorm|layer_norm)\.weight$/.test(name))
          assert.ok(
            values.every((value) => value === 1),
            name,
          );
        else if (name.endsWith('bias'))
          assert.ok(
            values.every((value) => value === 0),
            name,
          );
        else {
          const deviation = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
          assert.ok(deviation > 0.07 && deviation < 0.13, `${name}: ${deviation}`);
        }
      }
    }
  });
});
