import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32, floats, type HostTensor } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import type { Precision, Runtime } from '../../../core/engine/runtime/runtime';
import { trainLoop, type LoopOptions } from '../../../core/training/loop';
import { Trainer, type Snapshot, type StepResult } from '../../../core/training/trainer';

type Batch = Readonly<Record<'x' | 'y', Tensor>>;
const TARGETS = ['cuda', 'webgpu'] as const;
const STEPS = 7;

const runtimeFor = (target: (typeof TARGETS)[number], precision: Precision = 'float32') =>
  new OrtRuntime({ provider: 'cpu', target, threads: 1, holdsState: true, precision });

const batchOf = (step: number) => ({
  x: f32(
    [4, 3],
    Float32Array.from({ length: 12 }, (_, i) => Math.sin(5 * step + 3 * i)),
  ),
  y: f32(
    [4, 2],
    Float32Array.from({ length: 8 }, (_, i) => Math.cos(2 * step + i)),
  ),
});

/** Two layers after one that is not trained; the outputs are signals. */
const trainerOn = (runtime: Runtime, from?: Partial<Snapshot>, stepsPerCall?: number) =>
  new Trainer<Batch>(runtime, {
    loss: ({ w1, b1, w2 }, { x, y }, { before }, variant) => {
      const hidden = tf.tanh(tf.add(tf.matMul(tf.matMul(x, before!), w1!), b1!));
      const outputs = tf.matMul(hidden, w2!);
      return { loss: tf.mul(tf.mean(tf.square(tf.sub(outputs, y))), variant + 1), signals: { outputs } };
    },
    parameters: from?.parameters ?? {
      w1: f32(
        [3, 5],
        Float32Array.from({ length: 15 }, (_, i) => Math.sin(i)),
      ),
      b1: f32([5], [0.1, -0.1, 0.2, 0, 0]),
      w2: f32(
        [5, 2],
        Float32Array.from({ length: 10 }, (_, i) => Math.cos(i)),
      ),
    },
    frozen: { before: f32([3, 3], [1, 0.1, 0, 0, 1, 0.1, 0.1, 0, 1]) },
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
    schedule: { peak: 1e-2, warmupSteps: 2, totalSteps: STEPS, floor: 0.1 },
    averageDecay: 0.9,
    ...(stepsPerCall !== undefined && { stepsPerCall }),
    ...(from?.moments && { from: { step: 0, moments: from.moments, ...from } }),
  });

const bitsOf = ({ parameters, moments, average, lossScale, step }: Snapshot) => [
  ...[parameters, moments.m, moments.v, average!].map((named: Named<HostTensor>) =>
    Object.entries(named).map(([name, tensor]) => [name, [...floats(tensor)]]),
  ),
  lossScale,
  step,
];

/** Advances in calls of so many steps; what a call leaves out is done in the next one. */
async function advance(trainer: Trainer<Batch>, sizes: readonly number[]): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const size of sizes) {
    const end = trainer.step + size;
    while (trainer.step < end) {
      const steps = Array.from({ length: end - trainer.step }, (_, i) => ({ batches: [batchOf(trainer.step + i)] }));
      results.push(...(await trainer.advanceMany(steps)));
    }
  }
  return results;
}

const singles = (count: number) => Array<number>(count).fill(1);

for (const target of TARGETS)
  describe(`a training in calls of several steps, for ${target}`, () => {
    it('has the numbers of single steps to the bit, and resumes in the middle of a call', async () => {
      const runtime = runtimeFor(target);
      const single = trainerOn(runtime);
      const expected = await advance(single, singles(STEPS));
      const end = bitsOf(await single.snapshot());
      for (const sizes of [[7], [2, 5], [1, 3, 3]]) {
        const trainer = trainerOn(runtime);
        assert.deepEqual(await advance(trainer, sizes), expected);
        assert.deepEqual(bitsOf(await trainer.snapshot()), end);
      }
      const whole = trainerOn(runtime);
      const first = await advance(whole, [4]);
      const resumed = trainerOn(runtime, await whole.snapshot());
      assert.deepEqual([...first, ...(await advance(resumed, [2, 1]))], expected);
      assert.deepEqual(bitsOf(await resumed.snapshot()), end);
      // The graph of a single step, without a loop around it.
      const plain = new OrtRuntime({ provider: 'cpu', target, threads: 1, holdsState: false });
      assert.deepEqual(await advance(trainerOn(plain), singles(STEPS)), expected);
      await runtime.dispose();
      await plain.dispose();
    });

    it('sums micro-batches in one call, to the bit', async () => {
      const runtime = runtimeFor(target);
      const batches = Array.from({ length: 5 }, (_, i) => batchOf(i));
      const single = trainerOn(runtime);
      const expected = [await single.advance(batches), await single.advance(batches)];
      const trainer = trainerOn(runtime, {}, 3);
      assert.deepEqual([await trainer.advance(batches), await trainer.advance(batches)], expected);
      assert.deepEqual(bitsOf(await trainer.snapshot()), bitsOf(await single.snapshot()));
      await runtime.dispose();
    });

    it('in float16, ends a call with a step that is skipped', async () => {
      const runtime = runtimeFor(target, 'float16');
      const zero = (): Named<HostTensor> => ({
        w1: f32([3, 5], new Float32Array(15)),
        b1: f32([5], new Float32Array(5)),
        w2: f32([5, 2], new Float32Array(10)),
      });
      const start = { moments: { m: zero(), v: zero() }, lossScale: { scale: 2 ** 19, steady: 1998, skipped: 0 } };
      const single = trainerOn(runtime, start);
      const expected = await advance(single, singles(STEPS));
      const isSkipped = expected.map(({ skipped }) => skipped !== undefined);
      assert.ok(isSkipped.includes(true) && isSkipped.includes(false), isSkipped.join());
      for (const sizes of [[7], [3, 4]]) {
        const trainer = trainerOn(runtime, start);
        assert.deepEqual(await advance(trainer, sizes), expected);
        assert.deepEqual(bitsOf(await trainer.snapshot()), bitsOf(await single.snapshot()));
      }
      // The factor grows in the middle of a call.
      const steady = { ...start, lossScale: { scale: 2, steady: 1998, skipped: 0 } };
      const grown = trainerOn(runtime, steady);
      const results = await advance(grown, [5]);
      assert.deepEqual(
        results.map(({ metrics }) => metrics.lossScale),
        [2, 2, 4, 4, 4],
      );
      const others = trainerOn(runtime, steady);
      assert.deepEqual(await advance(others, singles(5)), results);
      await runtime.dispose();
    });
  });

/** A runtime whose device has no memory for more than so many steps in one call. */
const withRoomFor = (runtime: Runtime, most: number): Runtime =>
  new Proxy(runtime, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key !== 'compile') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      const compile: Runtime['compile'] = (name, step) => {
        const program = target.compile(name, step);
        return {
          ...program,
          runMany: (state, batches, isLast) =>
            batches.length > most
              ? Promise.reject(new Error('CUDA error 2: out of memory'))
              : program.runMany(state, batches, isLast),
        };
      };
      return compile;
    },
  });

describe('trainLoop with calls of several steps', () => {
  /** Runs the loop and writes down what happens, in order. */
  async function record(changes: Partial<LoopOptions<Batch>>, most = 3, save?: (log: string[]) => void) {
    const runtime = runtimeFor('cuda');
    const trainer = trainerOn(runtime, {}, most);
    const log: string[] = [];
    const advanceMany = trainer.advanceMany.bind(trainer);
    trainer.advanceMany = (steps, variant) => {
      log.push(`call ${trainer.step}+${steps.length} variant ${variant}`);
      return advanceMany(steps, variant);
    };
    const losses: number[] = [];
    const error: unknown = await trainLoop(trainer, {
      steps: STEPS,
      batches: (step) => {
        log.push(`batch ${step}`);
        return [batchOf(step)];
      },
      onStep: (step, { metrics }) => {
        log.push(`step ${step}`);
        losses.push(metrics.loss);
      },
      save: () => {
        log.push(`save ${trainer.step}`);
        save?.(log);
        return Promise.resolve();
      },
      saveSeconds: 1e6,
      signal: new AbortController().signal,
      ...changes,
    }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const end = bitsOf(await trainer.snapshot());
    await runtime.dispose();
    return { calls: log.filter((line) => /call|save|evaluate/.test(line)), log, losses, end, error };
  }

  it('ends a call before an evaluation and a change of variant, and at the end', async () => {
    const log: string[] = [];
    const every = {
      steps: 5,
      run: (step: number) => {
        log.push(`evaluate ${step}`);
        return Promise.resolve();
      },
    };
    const variant = (step: number) => (step >= 2 && step < 4 ? 1 : 0);
    const grouped = await record({ every, variant });
    assert.deepEqual(grouped.calls, [
      'call 0+2 variant 0',
      'call 2+2 variant 1',
      'call 4+1 variant 0',
      'call 5+2 variant 0',
    ]);
    assert.deepEqual(log, ['evaluate 5', 'evaluate 7']);
    const single = await record({ every, variant }, 1);
    assert.deepEqual(grouped.losses, single.losses);
    assert.deepEqual(grouped.end, single.end);
  });

  it('tells of every step in order, and asks for every batch once', async () => {
    const { log } = await record({});
    assert.deepEqual(log.slice(0, 8), [
      ...['batch 0', 'batch 1', 'batch 2', 'call 0+3 variant undefined'],
      ...['step 1', 'step 2', 'step 3', 'batch 3'],
    ]);
    assert.deepEqual(
      log.filter((line) => line.startsWith('batch')),
      Array.from({ length: STEPS }, (_, step) => `batch ${step}`),
    );
  });

  it('saves between calls, and stops after the one that is running', async () => {
    const saving = await record({ saveSeconds: 0 });
    assert.deepEqual(saving.calls.slice(0, 4), [
      ...['call 0+3 variant undefined', 'save 3', 'call 3+3 variant undefined', 'save 6'],
    ]);
    const stop = new AbortController();
    const stopped = await record({
      signal: stop.signal,
      onStep: (step) => {
        if (step === 4) stop.abort(new Error('stopped'));
      },
    });
    assert.deepEqual(stopped.calls.at(-1), 'save 6');
    assert.match(String(stopped.error), /stopped/);
  });

  it('asks for no batch twice when a call does fewer steps', async () => {
    const runtime = runtimeFor('cuda', 'float16');
    const trainer = trainerOn(runtime, {}, 4);
    const asked: number[] = [];
    const done: number[] = [];
    let isFirst = true;
    const advanceMany = trainer.advanceMany.bind(trainer);
    // As if the second step were skipped.
    trainer.advanceMany = (steps, variant) => {
      const some = isFirst ? steps.slice(0, 2) : steps;
      isFirst = false;
      return advanceMany(some, variant);
    };
    await trainLoop(trainer, {
      steps: STEPS,
      batches: (step) => {
        asked.push(step);
        return [batchOf(step)];
      },
      onStep: (step) => done.push(step),
      save: () => Promise.resolve(),
      saveSeconds: 1e6,
      signal: new AbortController().signal,
    });
    assert.deepEqual(asked, [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual(done, [1, 2, 3, 4, 5, 6, 7]);
    await runtime.dispose();
  });

  it('goes on with single steps where there is no memory for several', async () => {
    const runtime = runtimeFor('cuda');
    const expected = trainerOn(runtime);
    await advance(expected, singles(3));
    const trainer = trainerOn(withRoomFor(runtime, 1), {}, 2);
    await advance(trainer, [1]);
    assert.equal(trainer.stepsPerCall, 2);
    assert.equal((await trainer.advanceMany([{ batches: [batchOf(1)] }, { batches: [batchOf(2)] }])).length, 1);
    await advance(trainer, [1]);
    assert.equal(trainer.stepsPerCall, 1);
    // With single steps alone, running out of memory is an error.
    const without = trainerOn(withRoomFor(runtime, 0));
    await assert.rejects(without.advance([batchOf(0)]), /out of memory/);
    assert.equal(without.step, 0);
    await runtime.dispose();
  });

  it('needs a step, and each needs a micro-batch', async () => {
    const runtime = runtimeFor('cuda');
    const trainer = trainerOn(runtime);
    await assert.rejects(trainer.advanceMany([]), RangeError);
    await assert.rejects(trainer.advanceMany([{ batches: [batchOf(0)] }, { batches: [] }]), RangeError);
    assert.equal(trainer.step, 0);
    assert.deepEqual((await trainer.advance([batchOf(0)])).signals[0]!.outputs!.shape, [4, 2]);
    await runtime.dispose();
  });
});
