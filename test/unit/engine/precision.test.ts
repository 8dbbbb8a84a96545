import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { readTrainingState, writeTrainingState } from '../../../core/checkpoint/training-state';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { float16Trial, requireFloat16 } from '../../../core/engine/devices/devices';
import { valueAndGradients } from '../../../core/engine/grad';
import { f32, floats, type HostTensor } from '../../../core/engine/host';
import { crossEntropy } from '../../../core/engine/ops/loss';
import { layerNorm, rmsNorm } from '../../../core/engine/ops/norm';
import { inPrecision } from '../../../core/engine/ops/precision';
import type { Named } from '../../../core/engine/optimizer';
import { onnxRuntime } from '../../../core/engine/runtime/library';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import type { Target } from '../../../core/engine/tracing/backend';
import { initialize } from '../../../core/models/decoder/initialize';
import { nextTokenLoss, type TokenBatch } from '../../../core/models/decoder/language-model';
import { decoderMemory } from '../../../core/training/model-memory';
import { TrainingConfig } from '../../../core/training/config';
import { trainPhase } from '../../../core/training/run';
import { Trainer, type Snapshot, type StepResult } from '../../../core/training/trainer';
import type { RunEvent } from '../../../core/protocol/events';
import { softwareGpu } from '../../software-gpu';
import { standInForCuda } from '../../fixtures/cuda-stand-in';
import { assertClose, Draw } from './both';
import { ALL, assertParity, expectedOf } from './kernels/all';
import { batchOf, CONFIG } from './tiny-decoder';

// The graphs that GPUs get, computed by the CPU. Every float16 is rounded; sums inside of operators are in float32, as on a GPU.
const GPUS = ['cuda', 'webgpu'] as const;
const runtimeFor = (target: Target, precision: 'float16' | 'float32' = 'float16') =>
  new OrtRuntime({ provider: 'cpu', target, threads: 2, precision });

type Inputs = Readonly<Record<string, HostTensor>>;

/** What a function of tensors returns, in one precision. */
async function computed<Key extends string>(
  target: Target,
  precision: 'float16' | 'float32',
  inputs: Inputs,
  compute: (tensors: Named<Tensor>) => Record<Key, Tensor>,
): Promise<Record<Key, HostTensor>> {
  const runtime = runtimeFor(target);
  const program = runtime.compile('test', (state: Named<Tensor>) => ({
    metrics: inPrecision(precision, () => compute(state)),
  }));
  const metrics = await program.run(runtime.upload<Named<Tensor>>(inputs), {});
  await runtime.dispose();
  return metrics as Record<Key, HostTensor>;
}

/** The same numbers, of which the graph knows that they are float16. */
const asFloat16 = (x: Tensor): Tensor =>
  x.dtype !== 'float32' || x.size === 0
    ? x
    : tf.reshape(tf.matMul(tf.reshape(x, [x.size, 1]), tf.tensor([1], [1, 1])), x.shape);

/** The nearest numbers that float16 has. */
function inFloat16(tensor: HostTensor): HostTensor {
  if (tensor.dtype !== 'float32') return tensor;
  const round = (value: number) => {
    const quantum = 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(value))) - 10);
    return value === 0 || !Number.isFinite(value) ? value : Math.round(value / quantum) * quantum;
  };
  return f32(tensor.shape, floats(tensor).map(round));
}

const trainerOn = (runtime: OrtRuntime, from?: Partial<Snapshot>, recompute = false) =>
  new Trainer<TokenBatch>(runtime, {
    loss: (parameters, batch) => nextTokenLoss(CONFIG, parameters, batch),
    parameters: from?.parameters ?? initialize(CONFIG, 3),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
    schedule: { peak: 1e-2, warmupSteps: 1, totalSteps: 12, floor: 0.1 },
    averageDecay: 0.9,
    checkpointActivations: recompute,
    ...(from && { from: fresh(from) }),
  });

const fresh = ({ step = 0, moments, ...from }: Partial<Snapshot>) => ({
  ...from,
  step,
  moments: moments ?? { m: zerosOf(initialize(CONFIG, 3)), v: zerosOf(initialize(CONFIG, 3)) },
});
const zerosOf = (named: Named<HostTensor>): Named<HostTensor> =>
  Object.fromEntries(
    Object.entries(named).map(([name, { shape, data }]) => [name, f32(shape, new Float32Array(data.length))]),
  );

async function advance(trainer: Trainer<TokenBatch>, steps: number): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (let i = 0; i < steps; i++) {
    const batch = batchOf(trainer.step);
    // Every other step is of two micro-batches.
    const batches = trainer.step % 2 === 0 ? [batch] : [batch, batchOf(trainer.step + 20)];
    results.push(await trainer.advance(batches));
  }
  return results;
}

const lossesOf = (results: readonly StepResult[]) =>
  f32(
    [results.length],
    results.map(({ metrics }) => metrics.loss),
  );
const normsOf = (results: readonly StepResult[]) =>
  f32(
    [results.length],
    results.map(({ metrics }) => metrics.gradientNorm),
  );
const bitsOf = ({ parameters, moments, average }: Snapshot) =>
  [parameters, moments.m, moments.v, average!].map((named) =>
    Object.entries(named).map(([name, tensor]) => [name, tensor.shape, [...floats(tensor)]]),
  );

for (const target of GPUS)
  describe(`float16 in the graph for ${target}`, () => {
    it('rounds the operands of products, and nothing else', async () => {
      const fine = 1 + 2 ** -12;
      const x = f32([2, 2], [fine, 0, 0, 3]);
      const inputs = { x, one: f32([2, 2], [1, 0, 0, 1]) };
      const compute = ({ x, one }: Named<Tensor>) => ({
        product: tf.matMul(x!, one!),
        sum: tf.add(x!, one!),
        scaled: tf.mul(tf.matMul(x!, one!), 1e-9),
        chained: tf.add(tf.matMul(x!, one!), tf.matMul(tf.mul(one!, 2 ** -12), one!)),
        overflow: tf.matMul(tf.mul(x!, 300), tf.mul(one!, 300)),
        given: tf.matMul(tf.mul(x!, 1e5), tf.mul(one!, 1e-5)),
      });
      const half = await computed(target, 'float16', inputs, compute);
      assert.deepEqual([...half.product.data], [1, 0, 0, 3]);
      assert.deepEqual([...half.sum.data], [fine + 1, 0, 0, 4].map(Math.fround));
      // A number that float16 does not have is not rounded to 0.
      assert.deepEqual(
        [...half.scaled.data],
        [1, 0, 0, 3].map((value) => Math.fround(value * Math.fround(1e-9))),
      );
      // What follows a product is float16 as well: 1 + 2⁻¹² is 1.
      assert.deepEqual([...half.chained.data], [1, 0, 0, 3]);
      // Results, and operands.
      for (const { data } of [half.overflow, half.given]) assert.deepEqual([data[0], data[3]], [Infinity, Infinity]);
      const whole = await computed(target, 'float32', inputs, compute);
      assert.deepEqual([...whole.product.data], [Math.fround(fine), 0, 0, 3]);
    });

    it('computes every kernel of operands in float16', async () => {
      const runtime = runtimeFor(target);
      for (const [name, cases] of Object.entries(ALL)) {
        const rounded = cases.map((one) => ({ ...one, inputs: one.inputs.map(inFloat16) }));
        const halved = rounded.map(({ run, ...one }) => ({
          ...one,
          run: (...inputs: Tensor[]) => inPrecision('float16', () => run(...inputs.map(asFloat16))),
        }));
        await assertParity(runtime, name, halved, {
          loosest: { relative: 3e-3, absolute: 3e-3 },
          expected: await expectedOf(name, rounded),
        });
      }
      await runtime.dispose();
    });

    it('computes norms, softmax and losses in float32, forward and backward', async () => {
      const draw = new Draw(3);
      const inputs = {
        ...{ x: draw.normal(6, 8), weight: draw.normal(8), bias: draw.normal(8), targets: draw.ints(0, 8, 6) },
      };
      const compute = ({ x, weight, bias, targets }: Named<Tensor>) => {
        const { loss, gradients } = valueAndGradients(
          { x: x!, weight: weight!, bias: bias! },
          ({ x, weight, bias }) => {
            const normal = layerNorm(rmsNorm(x, weight, 1e-6), weight, bias, 1e-6);
            return { loss: tf.mean(crossEntropy(tf.softmax(normal), targets!)), aux: {} };
          },
        );
        return { loss, ...gradients };
      };
      assert.deepEqual(
        await computed(target, 'float16', inputs, compute),
        await computed(target, 'float32', inputs, compute),
      );
    });

    it('trains as float32 does, within 0.1 % of its losses and 2 % of its gradient norms', async () => {
      const [half, whole] = [runtimeFor(target), runtimeFor(target, 'float32')];
      const [trainer, expected] = [trainerOn(half), trainerOn(whole)];
      const [results, wanted] = [await advance(trainer, 10), await advance(expected, 10)];
      assertClose(lossesOf(results), lossesOf(wanted), 'losses', { relative: 1e-3, absolute: 0 });
      assertClose(normsOf(results), normsOf(wanted), 'gradient norms', { relative: 2e-2, absolute: 0 });
      assert.notDeepEqual([...lossesOf(results).data], [...lossesOf(wanted).data]);
      assert.ok(results.every(({ skipped, metrics }) => skipped === undefined && metrics.lossScale === 65_536));
      // The trained weights differ by less than a twentieth of their way.
      const [end, other, start] = [await trainer.result(), await expected.result(), initialize(CONFIG, 3)];
      const distance = (a: Named<HostTensor>, b: Named<HostTensor>) =>
        Math.hypot(
          ...Object.keys(a).flatMap((name) => [...floats(a[name]!)].map((value, i) => value - floats(b[name]!)[i]!)),
        );
      assert.ok(
        distance(end, other) < 0.05 * distance(other, start),
        `${distance(end, other)}, ${distance(other, start)}`,
      );
      await half.dispose();
      await whole.dispose();
    });

    it('skips steps whose gradients overflow, and goes on as if they had not been', async () => {
      const runtime = runtimeFor(target);
      const lossScale = { scale: 2 ** 23, steady: 7, skipped: 0 };
      const trainer = trainerOn(runtime, { lossScale });
      const before = await trainer.snapshot();
      const scales: (number | undefined)[] = [];
      let skipped = 0;
      for (;;) {
        const result = await trainer.advance(skipped % 2 === 0 ? [batchOf(0)] : [batchOf(0), batchOf(1)], 0, 1);
        if (!result.skipped) break;
        skipped++;
        scales.push(result.metrics.lossScale);
        assert.ok(!Number.isFinite(result.metrics.gradientNorm));
        assert.ok(Number.isFinite(result.metrics.loss));
        const now = await trainer.snapshot();
        assert.deepEqual(bitsOf(now), bitsOf(before));
        assert.deepEqual(now.lossScale, { scale: 2 ** (23 - skipped), steady: 0, skipped });
      }
      assert.ok(skipped > 1);
      assert.deepEqual(
        scales,
        Array.from({ length: skipped }, (_, i) => 2 ** (23 - i)),
      );
      const other = trainerOn(runtime, { lossScale: { scale: 2 ** (23 - skipped), steady: 0, skipped: 0 } });
      await other.advance(skipped % 2 === 0 ? [batchOf(0)] : [batchOf(0), batchOf(1)], 0, 1);
      assert.deepEqual(bitsOf(await trainer.snapshot()), bitsOf(await other.snapshot()));
      await runtime.dispose();
    });

    it('resumes to the bit, with what it knew of the scale, and recomputes to the bit', async () => {
      const runtime = runtimeFor(target);
      const start = { lossScale: { scale: 2 ** 23, steady: 0, skipped: 0 } };
      const trainer = trainerOn(runtime, start);
      await advance(trainer, 2);
      const middle = await trainer.snapshot();
      assert.equal(middle.lossScale!.skipped, 2);
      const rest = await advance(trainer, 6);
      assert.ok(rest.some(({ skipped }) => skipped) && rest.some(({ skipped }) => !skipped));
      const end = await trainer.snapshot();
      const resumed = trainerOn(runtime, middle);
      assert.deepEqual(await advance(resumed, 6), rest);
      assert.deepEqual(bitsOf(await resumed.snapshot()), bitsOf(end));
      assert.deepEqual((await resumed.snapshot()).lossScale, end.lossScale);
      const recomputed = trainerOn(runtime, start, true);
      await advance(recomputed, 8);
      assert.deepEqual(bitsOf(await recomputed.snapshot()), bitsOf(end));
      await runtime.dispose();
    });
  });

describe('a training in float16', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'winnow-float16-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const phase = async (scale: number, loss?: (parameters: Named<Tensor>) => Tensor) => {
    const runtime = runtimeFor('cuda');
    const trainer = new Trainer<TokenBatch>(runtime, {
      loss: (parameters, batch) => loss?.(parameters) ?? nextTokenLoss(CONFIG, parameters, batch),
      parameters: initialize(CONFIG, 3),
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
      schedule: { peak: 1e-2, warmupSteps: 1, totalSteps: 10, floor: 0.1 },
      from: fresh({ lossScale: { scale, steady: 0, skipped: 0 } }),
    });
    const events: RunEvent[] = [];
    const lines: string[] = [];
    const context = {
      emit: (event: RunEvent) => events.push(event),
      log: (line: string) => lines.push(line),
      signal: new AbortController().signal,
    };
    try {
      await trainPhase<TokenBatch>(context, trainer, {
        ...{ phase: 'test', steps: 8, unit: 'tokens', unitsPerStep: 16, evaluateEvery: 100, saveSeconds: 1e6 },
        batches: (step) => [batchOf(step)],
        save: () => Promise.resolve({ step: trainer.step }),
      });
    } finally {
      await runtime.dispose();
    }
    return { metrics: events.filter((event) => event.type === 'metrics'), lines };
  };

  it('says which steps it skips, and records no norm for them', async () => {
    const { metrics, lines } = await phase(2 ** 19);
    assert.equal(metrics.length, 8);
    const [first, last] = [metrics[0]!.values, metrics.at(-1)!.values];
    assert.deepEqual(Object.keys(first), ['loss', 'learningRate', 'lossScale']);
    assert.deepEqual(Object.keys(last), ['loss', 'gradientNorm', 'learningRate', 'lossScale']);
    assert.equal(
      lines[0],
      `test: step 1 of 8 was skipped: a gradient overflowed in float16. The loss scale is now ${2 ** 18}.`,
    );
    assert.equal(lines.length, metrics.filter(({ values }) => !('gradientNorm' in values)).length);
  });

  it('has diverged where the loss is not finite, or gradients overflow without a scale', async () => {
    const diverged = { code: 'training.diverged' };
    const sum = (parameters: Named<Tensor>) => tf.addN(Object.values(parameters).map((one) => tf.sum(one)));
    await assert.rejects(
      phase(2 ** 16, (parameters) => tf.mul(sum(parameters), Infinity)),
      diverged,
    );
    await assert.rejects(
      phase(4, (parameters) => tf.sqrt(tf.mul(sum(parameters), 0))),
      { ...diverged, hint: /device\.precision/ },
    );
  });

  it('keeps its scale in the checkpoint, which is float32', async () => {
    const runtime = runtimeFor('cuda');
    const trainer = trainerOn(runtime, { lossScale: { scale: 2 ** 20, steady: 1999, skipped: 16_777_215 } });
    const { parameters, ...state } = await trainer.snapshot();
    await writeTrainingState(folder, state);
    const { lossScale, average, moments } = await readTrainingState(folder, parameters);
    assert.deepEqual(lossScale, state.lossScale);
    assert.deepEqual({ average, moments }, { average: state.average, moments: state.moments });
    const file = await openSafetensorsFile(path.join(folder, 'optimizer.safetensors'));
    assert.deepEqual([...new Set([...file.tensors.values()].map(({ dtype }) => dtype))], ['F32']);
    await file.close();
    await writeTrainingState(folder, { ...state, lossScale: undefined });
    assert.equal((await readTrainingState(folder, parameters)).lossScale, undefined);
    await runtime.dispose();
  });

  it('is refused in steps that are not compiled for a GPU', async () => {
    const inputs = { x: f32([1, 1], [1]) };
    await assert.rejects(
      computed('cpu', 'float16', inputs, ({ x }) => ({ y: tf.matMul(x!, x!) })),
      /step 'test': only steps that are compiled for a GPU are computed in float16/,
    );
  });

  it('takes less memory', () => {
    const of = (precision: 'float16' | 'float32', accumulate: number) =>
      decoderMemory(
        { decoder: CONFIG, training: TrainingConfig.parse({ batchSize: 64, accumulate }), blockLength: 8 },
        { provider: 'cuda', threads: 1, precision },
      );
    for (const accumulate of [1, 2]) {
      const [half, whole] = [of('float16', accumulate), of('float32', accumulate)];
      assert.ok(half.trained < 0.9 * whole.trained, `${half.trained} of ${whole.trained}`);
      assert.equal(half.state, whole.state);
    }
  });

  it('is tried with numbers that float16 has, and others', async () => {
    const { model, shape, cases } = float16Trial({ roundsFloat16: true });
    const { InferenceSession, Tensor: OrtTensor } = onnxRuntime();
    const session = await InferenceSession.create(model);
    for (const { x, y } of cases) {
      const [result] = Object.values(await session.run({ x: new OrtTensor('float32', Float32Array.from(x), shape) }));
      assert.deepEqual([...(result!.data as Float32Array)], y);
    }
    await session.release();
  });

  it('is refused by name where the device has no such numbers', async (test) => {
    const before = { ...process.env };
    try {
      process.env.WINNOW_RUNTIME_CUDA = standInForCuda(path.join(folder, 'cuda'), { seen: path.join(folder, 'seen') });
      // The CPU computes in float32, and so does not notice numbers that are too large.
      await assert.rejects(requireFloat16('cuda'), {
        code: 'device.precision',
        message: /float16 on "cuda": it computes 115200, 115200, 115200, 115200 where -1, -1, -1, -1 is right\.$/,
      });
      Object.assign(process.env, softwareGpu(folder));
      const answer = await requireFloat16('webgpu').then(
        () => 'yes',
        (error: unknown) => error,
      );
      if (answer === 'yes') test.diagnostic('WebGPU has float16 here');
      else {
        assert.ok(answer instanceof Error);
        assert.match(answer.message, /^This machine cannot compute in float16 on "webgpu": [^\n]+\.$/);
        assert.equal('code' in answer && answer.code, 'device.precision');
      }
      await assert.rejects(requireFloat16('dml'), { code: 'device.precision' });
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
    }
  });
});
