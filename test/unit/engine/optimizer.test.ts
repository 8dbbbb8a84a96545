import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../core/engine/host';
import { f32, item } from '../../../core/engine/host';
import type { AdamWScalars, AdamWSettings, Named, Schedule } from '../../../core/engine/optimizer';
import { adamW, adamWScalars, cosineSchedule, globalNorm, zeroMoments } from '../../../core/engine/optimizer';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import type { Runtime } from '../../../core/engine/runtime/runtime';
import { assertClose, Draw, evaluate, reference, traced } from './both';

const STEPS = 20;
const learningRate = (step: number) => 0.02 / (1 + 0.1 * step);

type Arrays = Record<string, Float64Array>;
interface Problem {
  readonly parameters: Named<HostTensor>;
  readonly gradients: readonly Named<HostTensor>[];
}

/** Two matrices and a vector with gradients of very different sizes, one of them zero for a while. */
function problem(): Problem {
  const draw = new Draw(8);
  const shapes = { matrix: [3, 4], sparse: [5, 2], bias: [6] };
  const each = (make: (shape: number[], name: string) => HostTensor) =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, make(shape, name)]));
  const gradient = (step: number) =>
    each((shape, name) => {
      const scale = name === 'sparse' ? (step < 5 ? 0 : 1e-4) : name === 'bias' ? 3 : 0.5;
      const drawn = draw.normal(...shape);
      return f32(
        shape,
        drawn.data.map((value) => scale * value),
      );
    });
  return {
    parameters: each((shape) => draw.normal(...shape)),
    gradients: Array.from({ length: STEPS }, (_, i) => gradient(i)),
  };
}

/**
 * Algorithm 2 of Loshchilov & Hutter (2019) in float64, line by line, with the gradient clipped to a global norm before
 * it (Pascanu et al., 2013). Decay is for matrices only.
 */
function reference64({ parameters, gradients }: Problem, settings: AdamWSettings) {
  const { beta1, beta2, epsilon, weightDecay, maxGradientNorm } = settings;
  const copy = (named: Named<HostTensor>): Arrays =>
    Object.fromEntries(Object.entries(named).map(([name, { data }]) => [name, Float64Array.from(data)]));
  const theta = copy(parameters);
  const m: Arrays = Object.fromEntries(
    Object.entries(theta).map(([name, values]) => [name, new Float64Array(values.length)]),
  );
  const v: Arrays = Object.fromEntries(
    Object.entries(theta).map(([name, values]) => [name, new Float64Array(values.length)]),
  );
  const norms: number[] = [];
  gradients.forEach((raw, index) => {
    const t = index + 1;
    const eta = learningRate(t);
    const g = copy(raw);
    const norm = Math.sqrt(
      Object.values(g).reduce((sum, values) => sum + values.reduce((inner, x) => inner + x * x, 0), 0),
    );
    norms.push(norm);
    const clip = maxGradientNorm > 0 && norm > maxGradientNorm ? maxGradientNorm / norm : 1;
    for (const [name, values] of Object.entries(theta))
      values.forEach((value, i) => {
        const gradient = g[name]![i]! * clip;
        m[name]![i] = beta1 * m[name]![i]! + (1 - beta1) * gradient;
        v[name]![i] = beta2 * v[name]![i]! + (1 - beta2) * gradient * gradient;
        const mHat = m[name]![i] / (1 - beta1 ** t);
        const vHat = v[name]![i] / (1 - beta2 ** t);
        const decay = parameters[name]!.shape.length > 1 ? weightDecay : 0;
        values[i] = value - eta * (mHat / (Math.sqrt(vHat) + epsilon) + decay * value);
      });
  });
  return { theta, norms };
}

type Optimized = Record<'parameters' | 'm' | 'v', Named<Tensor>>;

async function optimize(runtime: Runtime, { parameters, gradients }: Problem, settings: AdamWSettings) {
  const program = runtime.compile<
    Optimized,
    { gradients: Named<Tensor>; scalars: AdamWScalars<Tensor> },
    { norm: Tensor }
  >('optimize', (state, { gradients, scalars }) => {
    const next = adamW(state.parameters, gradients, state, scalars, settings);
    return { state: { parameters: next.parameters, ...next.moments }, metrics: { norm: next.gradientNorm } };
  });
  const state = runtime.upload<Optimized>({ parameters, ...zeroMoments(parameters) });
  const norms: number[] = [];
  for (const [index, given] of gradients.entries()) {
    const scalars = adamWScalars(settings, index + 1, learningRate(index + 1));
    norms.push(item((await program.run(state, { gradients: given, scalars })).norm));
  }
  return { theta: (await runtime.download(state)).parameters, norms };
}

const PLAIN: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 0 };
const SETTINGS: Record<string, AdamWSettings> = {
  plain: PLAIN,
  'with decay': { ...PLAIN, beta2: 0.95, weightDecay: 0.1 },
  'with clipping': { ...PLAIN, maxGradientNorm: 1 },
  'with both and a large epsilon': { ...PLAIN, beta1: 0.8, epsilon: 1e-3, weightDecay: 0.3, maxGradientNorm: 0.5 },
  'with a limit that is never reached': { ...PLAIN, maxGradientNorm: 1e6 },
};

/** The graph that a GPU gets, in which parameters are joined. */
const gpu = new OrtRuntime({ provider: 'cpu', target: 'cuda', threads: 2 });

describe('AdamW', () => {
  after(async () => {
    await traced.dispose();
    await gpu.dispose();
  });

  for (const [name, settings] of Object.entries(SETTINGS))
    for (const [device, runtime] of Object.entries({ traced, reference, gpu }))
      it(`${name} follows the paper's formulas for ${STEPS} steps: ${device}`, async () => {
        const expected = reference64(problem(), settings);
        const actual = await optimize(runtime, problem(), settings);
        for (const [parameter, tensor] of Object.entries(actual.theta)) {
          const values = f32(tensor.shape, Float32Array.from(expected.theta[parameter]!));
          assertClose(tensor, values, parameter, { relative: 2e-5, absolute: 2e-5 });
        }
        assertClose(f32([STEPS], actual.norms), f32([STEPS], expected.norms), 'gradient norms');
      });

  it('starts from moments of zero in the shapes of the parameters', () => {
    const { m, v } = zeroMoments({ weight: f32([2, 1], [1, 2]), bias: f32([], [3]) });
    for (const moments of [m, v]) {
      assert.deepEqual(
        [moments.weight!.shape, [...moments.weight!.data]],
        [
          [2, 1],
          [0, 0],
        ],
      );
      assert.deepEqual([moments.bias!.shape, [...moments.bias!.data]], [[], [0]]);
    }
  });

  it('measures the norm over all gradients together', async () => {
    const [norm] = await evaluate(traced, 'norm', ([a, b]) => [globalNorm({ a: a!, b: b! })], [
      f32([2], [1, 2]),
      f32([1, 2], [2, 4]),
    ]);
    assert.equal(item(norm!), 5);
  });
});

describe('the cosine schedule', () => {
  const schedule: Schedule = { peak: 2, warmupSteps: 4, totalSteps: 12, floor: 0.1 };

  for (const [step, rate] of [
    [1, 0.5],
    [2, 1],
    [4, 2],
    [6, 2 * (0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2))],
    [8, 2 * 0.55],
    [12, 0.2],
    [20, 0.2],
  ] as const)
    it(`gives ${rate} at step ${step}`, () => {
      assert.ok(Math.abs(cosineSchedule(schedule, step) - rate) < 1e-12);
    });

  it('starts at the top of the cosine without a warm-up, and falls all the way', () => {
    const rates = Array.from({ length: 10 }, (_, i) =>
      cosineSchedule({ ...schedule, warmupSteps: 0, totalSteps: 10, floor: 0 }, i + 1),
    );
    assert.deepEqual(
      rates.toSorted((a, b) => b - a),
      rates,
    );
    assert.ok(rates[0]! < 2 && rates[0]! > 1.9 && Math.abs(rates[9]!) < 1e-12);
  });

  it('stays at the peak when there is nothing but a warm-up', () => {
    assert.equal(cosineSchedule({ ...schedule, warmupSteps: 5, totalSteps: 5 }, 5), 2);
  });
});
