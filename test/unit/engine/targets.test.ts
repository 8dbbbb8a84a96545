import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { f32, floats, item, mapValues } from '../../../core/engine/host';
import { Training as KnownTraining } from '../../../core/engine/known-training';
import { GraphBuilder } from '../../../core/engine/onnx/graph';
import { cuts, segmentsOf } from '../../../core/engine/onnx/fuse';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import { PRECISIONS } from '../../../core/engine/runtime/runtime';
import { traceGraph } from '../../../core/engine/tracing/trace';
import { onnxRuntime } from '../../../core/engine/runtime/library';
import { initialize } from '../../../core/models/decoder/initialize';
import { nextTokenLoss, type TokenBatch } from '../../../core/models/decoder/language-model';
import { trainingSteps } from '../../../core/training/steps';
import { Trainer, type Snapshot } from '../../../core/training/trainer';
import { gpuSubjects } from '../../bench/gpu-subjects';
import { launchesOf } from '../../bench/launches';
import { assertClose } from './both';
import { ALL, assertParity, expectedOf } from './kernels/all';
import { batchOf, CONFIG } from './tiny-decoder';

// The graphs that GPUs get, computed by the CPU, which has all of their operators.
const GPUS = ['cuda', 'webgpu'] as const;
const runtimeFor = (target: 'cpu' | (typeof GPUS)[number]) => new OrtRuntime({ provider: 'cpu', target, threads: 2 });

const trainerOn = (runtime: OrtRuntime, from?: Snapshot) =>
  new Trainer<TokenBatch>(runtime, {
    loss: (parameters, batch) => nextTokenLoss(CONFIG, parameters, batch),
    parameters: from?.parameters ?? initialize(CONFIG, 3),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
    schedule: { peak: 1e-2, warmupSteps: 1, totalSteps: 10, floor: 0.1 },
    averageDecay: 0.9,
    ...(from && { from }),
  });

async function advance(trainer: Trainer<TokenBatch>, steps: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let i = 0; i < steps; i++) {
    const batch = batchOf(trainer.step);
    // Every other step is of two micro-batches.
    const { metrics } = await trainer.advance(trainer.step % 2 === 0 ? [batch] : [batch, batchOf(trainer.step + 20)]);
    numbers.push(metrics.loss, metrics.gradientNorm);
  }
  return numbers;
}

const bitsOf = ({ parameters, moments, average }: Snapshot) =>
  [parameters, moments.m, moments.v, average!].map((named) =>
    Object.entries(named).map(([name, tensor]) => [name, tensor.shape, [...floats(tensor)]]),
  );

for (const target of GPUS)
  describe(`the graph for ${target}`, () => {
    it('computes every kernel as tf.js does', async () => {
      const runtime = runtimeFor(target);
      for (const [name, cases] of Object.entries(ALL))
        await assertParity(runtime, name, cases, {
          loosest: { relative: 2e-5, absolute: 1e-5 },
          expected: await expectedOf(name, cases),
        });
      await runtime.dispose();
    });

    it('trains as the graph for the CPU does', async () => {
      const [ours, cpu] = [runtimeFor(target), runtimeFor('cpu')];
      const [known, expected] = [new KnownTraining(ours), new KnownTraining(cpu)];
      assertClose(f32([8], await known.train(4)), f32([8], await expected.train(4)), 'losses and gradient norms', {
        relative: 2e-5,
        absolute: 0,
      });
      assertClose(f32([], [await known.evaluate()]), f32([], [await expected.evaluate()]), 'evaluation');
      const numbers = [await known.numbers(), await expected.numbers()] as const;
      assertClose(f32([numbers[0].length], numbers[0]), f32([numbers[1].length], numbers[1]), 'state', {
        relative: 1e-3,
        absolute: 1e-4,
      });
      await ours.dispose();
      await cpu.dispose();
    });

    it('trains a decoder with grouped queries, biases, accumulation and an average as that for the CPU, and resumes to the bit', async () => {
      const [ours, cpu] = [runtimeFor(target), runtimeFor('cpu')];
      const whole = trainerOn(ours);
      const first = await advance(whole, 3);
      const middle = await whole.snapshot();
      const rest = await advance(whole, 3);
      const expected = trainerOn(cpu);
      const numbers = await advance(expected, 6);
      assertClose(f32([12], [...first, ...rest]), f32([12], numbers), 'losses and gradient norms', {
        relative: 1e-4,
        absolute: 0,
      });
      // Names and shapes are those of the model, whatever the buffers on the device are.
      const [end, wanted] = [await whole.snapshot(), await expected.snapshot()];
      assert.deepEqual(Object.keys(end.moments.v), Object.keys(wanted.moments.v));
      for (const [name, tensor] of Object.entries(wanted.parameters))
        assertClose(end.parameters[name]!, tensor, name, { relative: 1e-3, absolute: 2e-4 });
      const resumed = trainerOn(ours, middle);
      assert.deepEqual(await advance(resumed, 3), rest);
      assert.deepEqual(bitsOf(await resumed.snapshot()), bitsOf(end));
      // A snapshot of the CPU goes on on a GPU: what is saved does not depend on the device.
      const moved = trainerOn(ours, await expected.snapshot());
      assertClose(
        f32([2], await advance(moved, 1)),
        f32([2], await advance(expected, 1)),
        'after a move to another device',
        { relative: 1e-4, absolute: 0 },
      );
      await ours.dispose();
      await cpu.dispose();
    });
  });

describe('the graph for cuda', () => {
  it('launches at most 300 kernels in a training step of a decoder with four layers', async () => {
    const launches = await launchesOf(
      (profile) => new OrtRuntime({ provider: 'cpu', target: 'cuda', threads: 2, profile }),
      gpuSubjects.decoder!(),
    );
    assert.ok(launches <= 300, `${launches} launches`);
  });
});

describe('a training step for WebGPU', () => {
  for (const precision of PRECISIONS)
    it(`has no operator in ${precision} that WebGPU lacks, and the CPU would compute`, () => {
      const parameters = mapValues(initialize(CONFIG, 3), ({ dtype, shape }) => ({ dtype, shape }));
      const { whole } = trainingSteps<TokenBatch>({
        loss: (values, batch) => nextTokenLoss(CONFIG, values, batch),
        optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
        averageDecay: 0.9,
        precision,
      }).ofVariant(0);
      const scalar = { dtype: 'float32', shape: [] } as const;
      const ids = { dtype: 'int32', shape: [2, 8] } as const;
      const { graph } = traceGraph(
        'training step',
        whole as never,
        { parameters, moments: { m: parameters, v: parameters }, frozen: {}, average: parameters, sums: {} },
        {
          data: { inputs: ids, targets: ids },
          scalars: { rate: scalar, epsilon: scalar, keep: scalar, averageKeep: scalar, unscale: scalar },
          scale: scalar,
        },
        { blockSize: 0, target: 'webgpu' },
      );
      const used = new Set(graph.sizes().nodes.map(({ opType }) => opType));
      assert.ok(used.has('Gemm') && used.has('Softmax'));
      for (const missing of ['FusedMatMul', 'LogSoftmax', 'Sum', 'Tile']) assert.ok(!used.has(missing), missing);
    });
});

describe('a state in shared buffers', () => {
  it('keeps what a step does not change, and what another state does not have', async () => {
    const runtime = runtimeFor('cuda');
    const state = runtime.upload<Record<'a' | 'b' | 'c' | 'd', tf.Tensor>>({
      a: f32([2], [1, 2]),
      b: f32([1, 2], [3, 4]),
      c: f32([], [5]),
      d: f32([3], [6, 7, 8]),
    });
    const part = runtime.combine<Record<'b' | 'd', tf.Tensor>>({ b: state.pick('b'), d: state.pick('d') });
    const program = runtime.compile('halve', ({ b, d }: Record<'b' | 'd', tf.Tensor>) => ({
      state: { d: tf.mul(d, 0.5) },
      metrics: { sum: tf.sum(b) },
    }));
    assert.equal(item((await program.run(part, {})).sum), 7);
    await program.run(part, {});
    const { a, b, c, d } = await runtime.download(state);
    assert.deepEqual(
      [a, b, c, d].map(({ data }) => [...data]),
      [[1, 2], [3, 4], [5], [1.5, 1.75, 2]],
    );
    await runtime.dispose();
  });
});

describe('merging nodes', () => {
  const segment = (name: string, offset: number, length: number) => ({ name, offset, length });

  it('cuts a value into its parts and what lies between them', () => {
    const parts = [segment('b', 5, 2), segment('a', 1, 2)];
    assert.deepEqual(
      segmentsOf(9, parts, (index) => `rest${index}`),
      [segment('rest0', 0, 1), segment('a', 1, 2), segment('rest2', 3, 2), segment('b', 5, 2), segment('rest4', 7, 2)],
    );
    assert.equal(segmentsOf(9, [segment('a', 0, 3), segment('b', 2, 2)], String), undefined);
  });

  it('cuts in rounds where a node may have only so many results', () => {
    const segments = Array.from({ length: 23 }, (_, i) => segment(`s${i}`, 2 * i, 2));
    const made = cuts('x', segments, 3);
    assert.ok(made.every(({ outputs }) => outputs.length <= 3));
    const known = new Set(['x']);
    for (const { source, outputs } of made) {
      assert.ok(known.has(source), `${source} is cut before it exists`);
      for (const { name } of outputs) known.add(name);
    }
    assert.ok(segments.every(({ name }) => known.has(name)));
  });

  it('adds within a product only what nothing else needs', async () => {
    const graph = new GraphBuilder();
    const [a, b] = [graph.input('a', 'float32', [2, 2]), graph.input('b', 'float32', [2, 2])];
    const product = graph.node('Gemm', [a, b], 'float32', [2, 2]);
    const other = graph.node('Gemm', [b, a], 'float32', [2, 2]);
    const row = graph.constant('float32', [2], Float32Array.of(10, 20));
    const sum = graph.output(graph.node('Add', [row, other], 'float32', [2, 2]));
    const used = graph.output(graph.node('Add', [product, a], 'float32', [2, 2]));
    const twice = graph.output(graph.node('Add', [product, product], 'float32', [2, 2]));
    const run = async (model: Uint8Array) => {
      const { InferenceSession, Tensor } = onnxRuntime();
      const session = await InferenceSession.create(model, { graphOptimizationLevel: 'disabled' });
      const feeds = { a: new Tensor('float32', [1, 2, 3, 4], [2, 2]), b: new Tensor('float32', [5, 6, 7, 8], [2, 2]) };
      const results = await session.run(feeds);
      await session.release();
      return [sum, used, twice].map(({ name }) => [...(results[name]!.data as Float32Array)]);
    };
    const fewer = graph.build('fewer', { fewerNodes: { splitInto: 7 } });
    assert.deepEqual(await run(fewer), await run(graph.build('all')));
    assert.deepEqual(await run(fewer), [
      [33, 54, 41, 66],
      [20, 24, 46, 54],
      [38, 44, 86, 100],
    ]);
    assert.ok(fewer.length < graph.build('all').length);
  });
});
