import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../../../core/engine/grad';
import { f32, floats } from '../../../../core/engine/host';
import { softCrossEntropy } from '../../../../core/engine/ops/loss';
import type { Named } from '../../../../core/engine/optimizer';
import type { Runtime } from '../../../../core/engine/runtime/runtime';
import { flopsPerImage } from '../../../../core/models/vit/cost';
import { parseVitConfig } from '../../../../core/models/vit/config';
import { vitForward, type Skip } from '../../../../core/models/vit/skip';
import { reference, traced } from '../../engine/both';
import { largestDifference, withRuntime } from '../tiny';
import { classifyWith, randomImages, randomVit, tinyVit } from './tiny';

const config = tinyVit({ num_hidden_layers: 4 });
const weights = randomVit(config, 5);
const images = randomImages(config, 3, 6);
const skip = (start: number, end: number, kept: number, kind: Skip['kind'] = 'skip'): Skip => ({
  kind,
  start,
  end,
  kept,
});

describe('tokens that skip blocks', () => {
  it('change nothing where none leaves, and where they come back before any block', async () => {
    await withRuntime(async (runtime) => {
      const plain = await classifyWith(runtime, config, weights, images);
      const all = await classifyWith(runtime, config, weights, images, skip(1, 3, 16));
      assert.ok(largestDifference(plain.logits, all.logits) < 1e-4);
      const none = await classifyWith(runtime, config, weights, images, skip(2, 2, 5));
      assert.ok(largestDifference(plain.logits, none.logits) < 1e-4);
      const some = await classifyWith(runtime, config, weights, images, skip(1, 3, 5));
      assert.ok(largestDifference(plain.logits, some.logits) > 1e-2);
    });
  });

  it('are those that the CLS token attends to least, in the block before the window', async () => {
    await withRuntime(async (runtime) => {
      const { order, scores } = await classifyWith(runtime, config, weights, images, skip(2, 3, 7));
      assert.equal(order.length, 3 * 16);
      for (let image = 0; image < 3; image++) {
        const own = scores.subarray(image * 16, (image + 1) * 16);
        const sorted = order.slice(image * 16, (image + 1) * 16).map((patch) => own[patch]!);
        assert.deepEqual(
          sorted,
          [...own].sort((a, b) => b - a),
        );
        // The rest of the attention goes to the CLS token itself.
        const sum = own.reduce((total, score) => total + score, 0);
        assert.ok(sum > 0.1 && sum < 1, String(sum));
      }
    });
  });

  it('that are fused never come back', async () => {
    await withRuntime(async (runtime) => {
      const early = await classifyWith(runtime, config, weights, images, skip(1, 2, 5, 'fuse'));
      const late = await classifyWith(runtime, config, weights, images, skip(1, 4, 5, 'fuse'));
      assert.deepEqual(early.logits, late.logits);
    });
  });

  it('cost what the blocks that they leave cost: the gains of the table for ViT-S/16 at 55 %', () => {
    const small = parseVitConfig({
      model_type: 'vit',
      hidden_size: 384,
      intermediate_size: 1536,
      num_attention_heads: 6,
      num_labels: 1000,
    });
    const kept = Math.round(0.45 * 196);
    assert.equal(kept, 88);
    const whole = flopsPerImage(small);
    for (const [blocks, gain] of [
      [2, 10.5],
      [3, 16.5],
      [4, 23.3],
      [5, 31.0],
      [6, 39.6],
      [8, 60.9],
      [10, 89.8],
    ] as const) {
      const measured = 100 * (whole / flopsPerImage(small, { kind: 'skip', start: 1, end: 1 + blocks, kept }) - 1);
      // The table counts blocks alone; the embedding and the head are a percent of the rest.
      assert.ok(Math.abs(measured - gain) < 0.03 * gain + 0.1, `${blocks}: ${measured} against ${gain}`);
    }
  });

  for (const kind of ['skip', 'random', 'fuse'] as const)
    it(`(${kind}) have the gradients that tf.js computes on the CPU`, async () => {
      const random = f32(
        [3, 16],
        Float32Array.from({ length: 48 }, (_, i) => Math.sin(5 * i)),
      );
      const batch = { images, random, targets: f32([3, 3], [1, 0, 0, 0.1, 0.8, 0.1, 0, 0, 1]) };
      const gradientsOn = async (runtime: Runtime) => {
        const program = runtime.compile(
          'gradients',
          (parameters: Named<Tensor>, { images, random, targets }: Record<keyof typeof batch, Tensor>) => {
            const { gradients } = valueAndGradients(parameters, (values) => {
              const { logits } = vitForward(config, values, { images, random }, skip(1, 3, 5, kind));
              return { loss: tf.mean(softCrossEntropy(logits, targets)), aux: {} };
            });
            return { metrics: gradients };
          },
        );
        return program.run(runtime.upload<Named<Tensor>>(weights), batch);
      };
      const [ours, theirs] = [await gradientsOn(traced), await gradientsOn(reference)];
      for (const [name, gradient] of Object.entries(theirs)) {
        const values = floats(gradient);
        const size = Math.max(...values.map(Math.abs));
        const difference = largestDifference(floats(ours[name]!), values);
        assert.ok(difference < 1e-4 * Math.max(1, size), `${name}: ${difference}`);
        // Also of the blocks of the window, and of the patches that left: they go on by identity.
        // A key's bias moves all scores of a query alike, which softmax does not see.
        if (!name.endsWith('key.bias')) assert.ok(size > 1e-6, `${name} has no gradient`);
      }
    });
});
