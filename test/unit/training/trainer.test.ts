import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostOf, HostTensor } from '../../../core/engine/host';
import { floats, i32 } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import type { Runtime } from '../../../core/engine/runtime/runtime';
import { initialize } from '../../../core/models/decoder/initialize';
import { nextTokenLoss, type TokenBatch } from '../../../core/models/decoder/language-model';
import { EMBEDDING } from '../../../core/models/decoder/layout';
import { Random } from '../../../core/random';
import { adamWSettings, TrainingConfig } from '../../../core/training/config';
import { Trainer, type Snapshot, type TrainerOptions } from '../../../core/training/trainer';
import { largestDifference, tinyConfig, withRuntime } from '../models/tiny';

const config = tinyConfig();
const TOKENS = 12;
const STEPS = 12;

/** Sequences that count up by a stride from 1 to 3: what follows can be learned. */
function batch(rows: number, seed: number): HostOf<TokenBatch> {
  const random = new Random(seed);
  const text = Array.from({ length: rows }, () => {
    const [start, stride] = [random.int(61), 1 + random.int(3)];
    return Array.from({ length: TOKENS + 1 }, (_, i) => (start + i * stride) % 61);
  });
  const part = (from: number) =>
    i32(
      [rows, TOKENS],
      text.flatMap((row) => row.slice(from, from + TOKENS)),
    );
  return { inputs: part(0), targets: part(1) };
}

const options = (changes: Partial<TrainerOptions<TokenBatch>> = {}): TrainerOptions<TokenBatch> => ({
  loss: (values, data, frozen) => nextTokenLoss(config, { ...frozen, ...values }, data),
  parameters: initialize(config, 3),
  optimizer: adamWSettings(TrainingConfig.parse({})),
  schedule: { peak: 1e-2, warmupSteps: 2, totalSteps: STEPS, floor: 0.1 },
  ...changes,
});

/** Trains from a trainer's step to another with the batches of those steps; returns the losses. */
async function train(trainer: Trainer<TokenBatch>, to: number, micro = 1): Promise<number[]> {
  const losses: number[] = [];
  while (trainer.step < to) {
    const batches = Array.from({ length: micro }, (_, i) => batch(4, trainer.step * micro + i));
    losses.push((await trainer.advance(batches)).metrics.loss);
  }
  return losses;
}

const bits = (tensors: Named<HostTensor>) =>
  Object.entries(tensors).map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('base64')]);
const bitsOf = ({ parameters, moments, step }: Snapshot) => [step, bits(parameters), bits(moments.m), bits(moments.v)];

async function snapshotAfter(
  runtime: Runtime,
  steps: number,
  changes: Partial<TrainerOptions<TokenBatch>> = {},
  micro = 1,
) {
  const trainer = new Trainer(runtime, options(changes));
  await train(trainer, steps, micro);
  return trainer.snapshot();
}

describe('Trainer', () => {
  it('lowers the loss, from that of a guess', async () => {
    await withRuntime(async (runtime) => {
      const losses = await train(
        new Trainer(runtime, options({ schedule: { peak: 1e-2, warmupSteps: 2, totalSteps: 60, floor: 0.1 } })),
        60,
      );
      assert.ok(Math.abs(losses[0]! - Math.log(61)) < 0.1, `starts at ${losses[0]}`);
      assert.ok(losses.at(-1)! < 2.5, `ends at ${losses.at(-1)}`);
    });
  });

  it('reports the learning rate of the schedule', async () => {
    await withRuntime(async (runtime) => {
      const trainer = new Trainer(runtime, options());
      const rates: number[] = [];
      for (let i = 0; i < STEPS; i++) rates.push((await trainer.advance([batch(1, i)])).metrics.learningRate);
      assert.deepEqual([rates[0], rates[1]], [0.005, 0.01]);
      assert.ok(Math.abs(rates.at(-1)! - 0.001) < 1e-12);
    });
  });

  it('does the same step with k micro-batches as with one batch k times as large', async () => {
    const parts = [batch(2, 1), batch(2, 2), batch(2, 3)];
    const join = (key: 'inputs' | 'targets') =>
      i32(
        [6, TOKENS],
        parts.flatMap((part) => Array.from(part[key].data)),
      );
    await withRuntime(async (runtime) => {
      const [summed, whole] = [new Trainer(runtime, options()), new Trainer(runtime, options())];
      for (let step = 0; step < 3; step++) {
        const a = (await summed.advance(parts)).metrics;
        const b = (await whole.advance([{ inputs: join('inputs'), targets: join('targets') }])).metrics;
        assert.ok(Math.abs(a.loss - b.loss) < 1e-5, `${a.loss} and ${b.loss}`);
        assert.ok(Math.abs(a.gradientNorm - b.gradientNorm) < 1e-4 * b.gradientNorm);
        // The second moment, not the parameters: Adam blows up what rounding does to a gradient of zero.
        const [v, w] = [
          (await summed.snapshot()).moments.v[EMBEDDING]!,
          (await whole.snapshot()).moments.v[EMBEDDING]!,
        ];
        assert.ok(largestDifference(v.data as Float32Array, w.data as Float32Array) < 1e-6);
      }
    });
  });

  for (const micro of [1, 2])
    it(`continues a snapshot with the same bits, ${micro} micro-batch${micro > 1 ? 'es' : ''} a step`, async () => {
      const whole = await withRuntime((runtime) => snapshotAfter(runtime, STEPS, {}, micro));
      const half = await withRuntime((runtime) => snapshotAfter(runtime, 5, {}, micro));
      assert.equal(half.step, 5);
      const rest = await withRuntime((runtime) =>
        snapshotAfter(runtime, STEPS, { parameters: half.parameters, from: half }, micro),
      );
      assert.deepEqual(bitsOf(rest), bitsOf(whole));
      assert.notDeepEqual(bits(half.parameters), bits(whole.parameters));
    });

  it('gives a snapshot that later steps do not change', async () => {
    await withRuntime(async (runtime) => {
      const trainer = new Trainer(runtime, options());
      await train(trainer, 2);
      const snapshot = await trainer.snapshot();
      const before = bitsOf(snapshot);
      await train(trainer, 4);
      assert.deepEqual(bitsOf(snapshot), before);
    });
  });

  for (const micro of [1, 2])
    it(`leaves frozen tensors as they are, ${micro} micro-batch${micro > 1 ? 'es' : ''} a step`, async () => {
      const all = initialize(config, 3);
      const frozen = { [EMBEDDING]: all[EMBEDDING]! };
      const parameters = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in frozen)));
      await withRuntime(async (runtime) => {
        const trainer = new Trainer(runtime, options({ parameters, frozen }));
        await train(trainer, 4, micro);
        assert.deepEqual(bits(await runtime.download<Named<Tensor>>(trainer.frozen)), bits(frozen));
        const after = (await trainer.snapshot()).parameters;
        assert.deepEqual(Object.keys(after), Object.keys(parameters));
        for (const [name, { data }] of Object.entries(after)) assert.notDeepEqual(data, parameters[name]!.data, name);
      });
    });

  it('keeps a moving average of the parameters, which is what is evaluated and kept', async () => {
    await withRuntime(async (runtime) => {
      const DECAY = 0.3;
      const trainer = new Trainer(runtime, options({ averageDecay: DECAY }));
      let expected = floats(initialize(config, 3)[EMBEDDING]!);
      for (let step = 1; step <= 4; step++) {
        await train(trainer, step);
        const keep = Math.min(DECAY, (1 + step) / (10 + step));
        const now = floats((await trainer.snapshot()).parameters[EMBEDDING]!);
        expected = now.map((value, i) => value + keep * (expected[i]! - value));
      }
      const kept = floats((await trainer.result())[EMBEDDING]!);
      assert.ok(largestDifference(kept, expected) < 1e-6);
      assert.ok(largestDifference(kept, floats((await trainer.snapshot()).parameters[EMBEDDING]!)) > 1e-4);
      assert.deepEqual(await runtime.download(trainer.evaluated), await trainer.result());
    });
  });

  it('resumes an average with the same bits, and trains as without one', async () => {
    await withRuntime(async (runtime) => {
      const changes = { averageDecay: 0.9 };
      const whole = await snapshotAfter(runtime, STEPS, changes);
      const { parameters, ...from } = await snapshotAfter(runtime, 5, changes);
      const resumed = await snapshotAfter(runtime, STEPS, { ...changes, parameters, from });
      assert.deepEqual([bitsOf(resumed), bits(resumed.average!)], [bitsOf(whole), bits(whole.average!)]);
      assert.deepEqual(bitsOf(whole), bitsOf(await snapshotAfter(runtime, STEPS)));
      assert.equal((await snapshotAfter(runtime, 1)).average, undefined);
    });
  });

  it('computes another variant of the loss when it is told to', async () => {
    await withRuntime(async (runtime) => {
      const seen = new Set<number>();
      const loss: TrainerOptions<TokenBatch>['loss'] = (values, data, frozen, variant) => {
        seen.add(variant);
        return tf.mul(nextTokenLoss(config, { ...frozen, ...values }, data), 1 + variant);
      };
      const trainer = new Trainer(runtime, options({ loss, parameters: initialize(config, 3) }));
      const first = (await trainer.advance([batch(4, 0)])).metrics;
      const single = new Trainer(runtime, options());
      await single.advance([batch(4, 0)]);
      const plain = (await single.advance([batch(4, 1)])).metrics;
      const tripled = (await trainer.advance([batch(4, 1)], 2)).metrics;
      assert.ok(Number.isFinite(first.loss));
      assert.ok(Math.abs(tripled.loss - 3 * plain.loss) < 1e-4, `${tripled.loss} for 3 x ${plain.loss}`);
      assert.deepEqual([...seen], [0, 2]);
    });
  });

  it('needs data', async () => {
    await withRuntime(async (runtime) => {
      await assert.rejects(new Trainer(runtime, options()).advance([]), RangeError);
    });
  });
});
