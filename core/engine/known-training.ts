import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from './grad';
import type { HostOf, HostTensor } from './host';
import { f32, i32, item } from './host';
import { siluGate } from './ops/activation';
import { attention, causalMask } from './ops/attention';
import { crossEntropy } from './ops/loss';
import { rmsNorm } from './ops/norm';
import { rotary } from './ops/rotary';
import type { AdamWScalars, AdamWSettings, Named } from './optimizer';
import { adamW, adamWScalars, zeroMoments } from './optimizer';
import type { DeviceState, Program, Runtime } from './runtime/runtime';
import { Random } from '../random';

/** One block of a Llama-like model: every operator that a real training step uses, in a size for tests. */
const [VOCABULARY, WIDTH, HIDDEN, KV_HEADS, GROUPS, HEAD_DIM, MAX_TOKENS] = [61, 32, 48, 2, 2, 8, 16];
const BATCH = 3;
const TOKENS = 12;

const SETTINGS: AdamWSettings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 };
const SHAPES: Named<readonly number[]> = {
  embedding: [VOCABULARY, WIDTH],
  attentionNorm: [WIDTH],
  query: [WIDTH, WIDTH],
  key: [WIDTH, KV_HEADS * HEAD_DIM],
  value: [WIDTH, KV_HEADS * HEAD_DIM],
  output: [WIDTH, WIDTH],
  mlpNorm: [WIDTH],
  gate: [WIDTH, HIDDEN],
  up: [WIDTH, HIDDEN],
  down: [HIDDEN, WIDTH],
  finalNorm: [WIDTH],
};

export type TrainingState = Record<'parameters' | 'm' | 'v', Named<Tensor>>;
interface Batch {
  readonly tokens: Tensor;
  readonly targets: Tensor;
  readonly scalars: AdamWScalars<Tensor>;
}

/** Rotation tables, each [MAX_TOKENS, HEAD_DIM / 2]. */
function rotations(): [Tensor, Tensor] {
  const angles = Array.from({ length: (MAX_TOKENS * HEAD_DIM) / 2 }, (_, i) => {
    const [position, pair] = [Math.floor(i / (HEAD_DIM / 2)), i % (HEAD_DIM / 2)];
    return position / 10_000 ** ((2 * pair) / HEAD_DIM);
  });
  const table = (of: (angle: number) => number) =>
    tf.tensor2d(Float32Array.from(angles, of), [MAX_TOKENS, HEAD_DIM / 2]);
  return [table(Math.cos), table(Math.sin)];
}

/** [batch * tokens, heads * headDim] -> [batch, kvHeads, groups * tokens, headDim] */
function byHead(x: Tensor, groups: number, batch: number, tokens: number): Tensor {
  const split = tf.reshape(x, [batch, tokens, KV_HEADS, groups, HEAD_DIM]);
  return tf.reshape(tf.transpose(split, [0, 2, 3, 1, 4]), [batch, KV_HEADS, groups * tokens, HEAD_DIM]);
}

function logits(p: Named<Tensor>, tokens: Tensor): Tensor {
  const [batch, length] = tokens.shape as [number, number];
  const [cos, sin] = rotations();
  const positions = tf.broadcastTo(tf.range(0, length, 1, 'int32'), [batch, length]);
  const rotated = (x: Tensor) => rotary(tf.reshape(x, [batch, length, -1]), positions, cos, sin);
  let x = tf.reshape(tf.gather(p.embedding!, tokens), [batch * length, WIDTH]);
  const h = rmsNorm(x, p.attentionNorm!, 1e-5);
  const attended = attention(
    byHead(rotated(tf.matMul(h, p.query!)), GROUPS, batch, length),
    byHead(rotated(tf.matMul(h, p.key!)), 1, batch, length),
    byHead(tf.matMul(h, p.value!), 1, batch, length),
    causalMask(length, GROUPS),
  );
  const merged = tf.transpose(tf.reshape(attended, [batch, KV_HEADS, GROUPS, length, HEAD_DIM]), [0, 3, 1, 2, 4]);
  x = tf.add(x, tf.matMul(tf.reshape(merged, [batch * length, WIDTH]), p.output!));
  const m = rmsNorm(x, p.mlpNorm!, 1e-5);
  x = tf.add(x, tf.matMul(siluGate(tf.matMul(m, p.gate!), tf.matMul(m, p.up!)), p.down!));
  return tf.matMul(rmsNorm(x, p.finalNorm!, 1e-5), p.embedding!, false, true);
}

const lossOf = (p: Named<Tensor>, { tokens, targets }: Pick<Batch, 'tokens' | 'targets'>): Tensor =>
  tf.mean(crossEntropy(logits(p, tokens), tf.reshape(targets, [-1])));

export interface Metrics {
  readonly loss: Tensor;
  readonly gradientNorm: Tensor;
}

function trainStep(state: TrainingState, batch: Batch): { state: TrainingState; metrics: Metrics } {
  const { loss, gradients } = valueAndGradients(state.parameters, (parameters) => ({
    loss: lossOf(parameters, batch),
    aux: {},
  }));
  const next = adamW(state.parameters, gradients, state, batch.scalars, SETTINGS);
  return {
    state: { parameters: next.parameters, ...next.moments },
    metrics: { loss, gradientNorm: next.gradientNorm },
  };
}

function initialState(): HostOf<TrainingState> {
  const random = new Random(9);
  const make = (shape: readonly number[]) =>
    f32(
      shape,
      Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () =>
        shape.length === 1 ? 1 : 0.2 * random.normal(),
      ),
    );
  const parameters: Record<string, HostTensor> = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [name, make(shape)]),
  );
  return { parameters, ...zeroMoments(parameters) };
}

function batchOf(step: number): HostOf<Batch> {
  const random = new Random(10, step);
  const tokens = (rows: number) =>
    Int32Array.from({ length: rows * TOKENS }, () => Math.floor(VOCABULARY * random.uniform() ** 2));
  return {
    tokens: i32([BATCH, TOKENS], tokens(BATCH)),
    targets: i32([BATCH, TOKENS], tokens(BATCH)),
    scalars: adamWScalars(SETTINGS, step, 0.01),
  };
}

/** Training of the tiny transformer on a runtime, from the same state with the same data each time. */
export class Training {
  readonly state: DeviceState<TrainingState>;
  readonly #program: Program<TrainingState, Batch, Metrics>;
  readonly #evaluation: Program<Pick<TrainingState, 'parameters'>, Pick<Batch, 'tokens' | 'targets'>, { loss: Tensor }>;
  #steps = 0;

  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.state = runtime.upload<TrainingState>(initialState());
    this.#program = runtime.compile('train', trainStep);
    this.#evaluation = runtime.compile('evaluate', ({ parameters }, batch) => ({
      metrics: { loss: lossOf(parameters, batch) },
    }));
  }

  /**
   * Trains on and returns the loss and the gradient norm of each step. The first step is a call of its own, the others are as few as
   * the runtime can do them in: runtimes are verified in both ways.
   */
  async train(steps: number): Promise<number[]> {
    const numbers: number[] = [];
    const keep = (all: readonly HostOf<Metrics>[]) => {
      this.#steps += all.length;
      for (const { loss, gradientNorm } of all) numbers.push(item(loss), item(gradientNorm));
    };
    const end = this.#steps + steps;
    if (steps > 0) keep([await this.#program.run(this.state, batchOf(this.#steps + 1))]);
    while (this.#steps < end) {
      const rest = Array.from({ length: end - this.#steps }, (_, i) => batchOf(this.#steps + 1 + i));
      keep(await this.#program.runMany(this.state, rest));
    }
    return numbers;
  }

  /** The loss on the data of the next step, by a program of its own on the shared parameters. */
  async evaluate(): Promise<number> {
    const { tokens, targets } = batchOf(this.#steps + 1);
    const parameters = this.#runtime.combine({ parameters: this.state.pick('parameters') });
    return item((await this.#evaluation.run(parameters, { tokens, targets })).loss);
  }

  /** All numbers of the state, in order. */
  async numbers(): Promise<Float32Array> {
    const state = await this.#runtime.download(this.state);
    const tensors = [state.parameters, state.m, state.v].flatMap((named) => Object.values(named));
    return Float32Array.from(tensors.flatMap(({ data }) => [...data]));
  }
}
