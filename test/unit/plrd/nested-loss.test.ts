import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../../core/engine/grad';
import { floats, i32, item, type HostTensor } from '../../../core/engine/host';
import { factorTruncated } from '../../../core/engine/linalg/factor';
import type { Named } from '../../../core/engine/optimizer';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { asTeacher, nestedLoss, recoveryLoss } from '../../../core/methods/plrd/training/recovery-loss';
import { factorNames, fullName, linearLayers } from '../../../core/models/decoder/layout';
import { leadingParameters } from '../../../core/models/decoder/nested';
import type { LossFunction } from '../../../core/training/steps';
import { largestDifference, randomIds, randomWeights, tinyConfig, withRuntime } from '../models/tiny';

type Data = Readonly<Record<'inputs' | 'targets', Tensor>>;
type State = { own: Named<Tensor>; frozen: Named<Tensor> };

const parent = tinyConfig();
const teacher = randomWeights(parent, 1);
const layers = linearLayers(parent);
const ranksOf = (rank: number) => Object.fromEntries(layers.map(({ name }) => [name, rank]));
const sizes = [ranksOf(10), ranksOf(6), ranksOf(3)];
const nested = { ...parent, ranks: sizes[0]! };
const [inputs, targets] = [randomIds(36, 61, 3), randomIds(36, 61, 4)];
/** Sequences of nine tokens. */
const batchOf = (from: number, to: number) => ({
  inputs: i32([to - from, 9], inputs.slice(9 * from, 9 * to)),
  targets: i32([to - from, 9], targets.slice(9 * from, 9 * to)),
});

async function wholeModel(): Promise<Record<string, HostTensor>> {
  const weights = randomWeights(parent, 2);
  const full = new Set(layers.map(({ name }) => fullName(name)));
  const own: Record<string, HostTensor> = Object.fromEntries(
    Object.entries(weights).filter(([name]) => !full.has(name)),
  );
  for (const { name } of layers) {
    const { u, v } = await factorTruncated(weights[fullName(name)]!, 10);
    own[factorNames(name).u] = u;
    own[factorNames(name).v] = v;
  }
  return own;
}

/** A loss and its gradients on some sequences. */
const evaluate = (
  loss: LossFunction<Data>,
  weights: Named<HostTensor>,
  { drawn = 0, from = 0, to = 4 }: { drawn?: number; from?: number; to?: number } = {},
) =>
  withRuntime(async (runtime) => {
    const program = runtime.compile('nested loss', (state: State, data: Data) => {
      const { loss: value, gradients } = valueAndGradients(state.own, (values) => ({
        loss: loss(values, data, state.frozen, drawn),
        aux: {},
      }));
      return { metrics: { value, gradients } };
    });
    const state = runtime.upload<State>({ own: weights, frozen: asTeacher(teacher) });
    const { value, gradients } = await program.run(state, batchOf(from, to));
    return { value: item(value), gradients };
  });

const settingsOf = (distillation: object) => PlrdConfig.parse({ distillation }).distillation;
const near = (value: number, expected: number) => {
  assert.ok(Math.abs(value - expected) < 2e-5 * Math.abs(expected), `${value} for ${expected}`);
};

describe('nestedLoss', () => {
  const plain = settingsOf({ weight: 0.4, hidden: 0.2, temperature: 2 });
  /** The loss of one size as a model of its own. */
  const alone = async (size: number, settings = plain, range: { from?: number; to?: number } = {}) => {
    const ranks = sizes[size]!;
    const part = leadingParameters(await wholeModel(), nested.ranks, ranks);
    return (await evaluate(recoveryLoss({ ...parent, ranks }, parent, settings), part, range)).value;
  };
  const together = async (sizesPerStep: 'all' | 'one' | 'split' | 'sandwich', drawn: number, settings = plain) =>
    evaluate(nestedLoss(nested, sizes, parent, settings, { sizesPerStep }), await wholeModel(), { drawn });

  it('is that of the size that is drawn', async () => {
    for (const drawn of [0, 1, 2]) near((await together('one', drawn)).value, await alone(drawn));
  });

  it('is that of the smallest on one half, and of the one that is drawn on the other', async () => {
    for (const drawn of [0, 1]) {
      const halves = [await alone(2, plain, { to: 2 }), await alone(drawn, plain, { from: 2 })];
      near((await together('split', drawn)).value, (halves[0]! + halves[1]!) / 2);
    }
    near((await together('split', 2)).value, await alone(2));
  });

  it('is the mean over the sequences, of which each size has its part', async () => {
    const parts = [
      await alone(0, plain, { to: 1 }),
      await alone(1, plain, { from: 1, to: 2 }),
      await alone(2, plain, { from: 2 }),
    ];
    near((await together('all', 0)).value, (parts[0]! + parts[1]! + 2 * parts[2]!) / 4);
  });

  it('is the mean over the largest, the smallest and the one that is drawn', async () => {
    const [large, middle, small] = [await alone(0), await alone(1), await alone(2)];
    near((await together('sandwich', 1)).value, (large + middle + small) / 3);
    near((await together('sandwich', 2)).value, (large + small) / 2);
  });

  it('follows the largest size, which learns from the text, and through which no gradient flows', async () => {
    const largest = settingsOf({ weight: 0.7, hidden: 0.3, teacher: 'largest' });
    const text = settingsOf({ weight: 0 });
    near((await together('one', 0, largest)).value, await alone(0, text));
    const { gradients, value } = await together('one', 2, largest);
    assert.ok(value > 0);
    // Only the smallest size is trained: its teacher's other components stay as they are.
    for (const { name, inputs: columns } of layers) {
      const dv = floats(gradients[factorNames(name).v]!);
      assert.ok(
        dv.subarray(0, 3 * columns).some((x) => x !== 0),
        name,
      );
      assert.ok(
        dv.subarray(3 * columns).every((x) => x === 0),
        name,
      );
    }
    // The teacher is a constant: the same gradients as with a copy of it outside.
    const copy = await wholeModel();
    const outside: LossFunction<Data> = (own, batch, frozen) =>
      recoveryLoss({ ...parent, ranks: sizes[2]! }, nested, { ...largest, teacher: 'parent' })(own, batch, frozen, 0);
    const reference = await withRuntime(async (runtime) => {
      const program = runtime.compile('reference', (state: State, data: Data) => {
        const made = valueAndGradients(state.own, (values) => ({
          loss: outside(values, data, state.frozen, 0),
          aux: {},
        }));
        return { metrics: { value: made.loss, gradients: made.gradients } };
      });
      const part = leadingParameters(copy, nested.ranks, sizes[2]!);
      return program.run(runtime.upload<State>({ own: part, frozen: asTeacher(copy) }), batchOf(0, 4));
    });
    near(value, item(reference.value));
    const norms = 'model.norm.weight';
    assert.ok(largestDifference(floats(gradients[norms]!), floats(reference.gradients[norms]!)) < 1e-5);
  });
});
