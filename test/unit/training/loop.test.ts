import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32, scalar } from '../../../core/engine/host';
import { failureOf } from '../../../core/engine/runtime/failure';
import { adamWSettings, TrainingConfig } from '../../../core/training/config';
import { trainLoop, type LoopOptions } from '../../../core/training/loop';
import { Trainer } from '../../../core/training/trainer';
import { withRuntime } from '../models/tiny';

type Batch = Readonly<Record<'target', Tensor>>;

/** A variant of the loss that fails as one that needs too much memory. */
const TOO_LARGE = 1;

/** Runs the loop on a parameter of one number and writes down what it does. */
async function record(
  changes: (log: string[]) => Partial<LoopOptions<Batch>>,
  start = 0,
): Promise<{ log: string[]; error: unknown }> {
  const log: string[] = [];
  const error = await withRuntime(async (runtime) => {
    const trainer = new Trainer<Batch>(runtime, {
      loss: ({ x }, { target }, _frozen, variant) => {
        const loss = tf.sum(tf.square(tf.sub(x!, target)));
        if (variant === TOO_LARGE) throw new RangeError('Array buffer allocation failed');
        return loss;
      },
      parameters: { x: f32([1], [0]) },
      optimizer: adamWSettings(TrainingConfig.parse({})),
      schedule: { peak: 0.1, warmupSteps: 0, totalSteps: 6, floor: 1 },
      from: { step: start, moments: { m: { x: f32([1], [0]) }, v: { x: f32([1], [0]) } } },
    });
    const options: LoopOptions<Batch> = {
      steps: 6,
      batches: (step) => {
        log.push(`batch ${step}`);
        return [{ target: scalar(1) }];
      },
      onStep: (step) => log.push(`step ${step}`),
      save: () => {
        log.push(`save ${trainer.step}`);
        return Promise.resolve();
      },
      saveSeconds: 1e6,
      signal: new AbortController().signal,
      ...changes(log),
    };
    return trainLoop(trainer, options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
  });
  return { log, error };
}

const evaluating = (log: string[]) => ({
  every: {
    steps: 4,
    run: (step: number) => {
      log.push(`evaluate ${step}`);
      return Promise.resolve();
    },
  },
});
const saves = (log: readonly string[]) => log.filter((line) => line.startsWith('save'));
const steps = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => [`batch ${from + i}`, `step ${from + i + 1}`]).flat();

describe('trainLoop', () => {
  it('does every step once, evaluating on the way and at the end', async () => {
    const { log, error } = await record(evaluating);
    assert.equal(error, undefined);
    assert.deepEqual(log, [...steps(0, 4), 'evaluate 4', ...steps(4, 6), 'evaluate 6']);
  });

  it('starts after the steps that the trainer has done', async () => {
    const { log } = await record(evaluating, 5);
    assert.deepEqual(log, [...steps(5, 6), 'evaluate 6']);
  });

  it('saves the steps that it has done where memory runs out, and only those', async () => {
    const inStep = await record(() => ({ variant: (step) => (step === 3 ? TOO_LARGE : 0) }));
    assert.equal(failureOf(inStep.error), 'device.out-of-memory');
    assert.deepEqual(inStep.log, [...steps(0, 3), 'batch 3', 'save 3']);
    const atOnce = await record(() => ({ variant: () => TOO_LARGE }), 2);
    assert.equal(failureOf(atOnce.error), 'device.out-of-memory');
    assert.deepEqual(atOnce.log, ['batch 2']);
    const evaluated = await record(() => ({
      every: { steps: 4, run: () => Promise.reject(new Error('OOM when allocating tensor with shape[1]')) },
    }));
    assert.deepEqual(evaluated.log, [...steps(0, 4), 'save 4']);
    const other = await record(() => ({ every: { steps: 4, run: () => Promise.reject(new Error('else')) } }));
    assert.deepEqual(other.log, steps(0, 4));
  });

  it('saves by time, but not after the last step', async () => {
    const { log } = await record(() => ({ saveSeconds: 1e-9 }));
    assert.deepEqual(
      saves(log),
      [1, 2, 3, 4, 5].map((step) => `save ${step}`),
    );
  });

  it('saves when it is stopped, and throws the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { log, error } = await record((lines) => ({
      signal: controller.signal,
      onStep: (step) => {
        lines.push(`step ${step}`);
        if (step === 3) controller.abort(reason);
      },
    }));
    assert.equal(error, reason);
    assert.deepEqual(log, [...steps(0, 3), 'save 3']);
  });

  it('saves when it is stopped during an evaluation, which is made up for when it goes on', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { log, error } = await record(() => ({
      signal: controller.signal,
      every: {
        steps: 4,
        run: () => {
          controller.abort(reason);
          return Promise.reject(reason);
        },
      },
    }));
    assert.equal(error, reason);
    assert.deepEqual(log, [...steps(0, 4), 'save 4']);
    const again = await record(evaluating, 4);
    assert.deepEqual(again.log, ['evaluate 4', ...steps(4, 6), 'evaluate 6']);
  });

  it('does not save what fails by itself', async () => {
    const reason = new Error('disk');
    const { log, error } = await record(() => ({ every: { steps: 2, run: () => Promise.reject(reason) } }));
    assert.equal(error, reason);
    assert.deepEqual(saves(log), []);
  });
});
