import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../../core/engine/grad';
import { floats, i32, item, type HostTensor } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import { asTeacher, recoveryLoss } from '../../../core/methods/plrd/training/recovery-loss';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { nextTokenLoss } from '../../../core/models/decoder/language-model';
import { largestDifference, logitsOf, randomIds, randomWeights, tinyConfig, withRuntime } from '../models/tiny';

const parent = tinyConfig();
const student = tinyConfig({ num_hidden_layers: 1 });
const [teacher, own] = [randomWeights(parent, 1), randomWeights(student, 2)];
const ids = randomIds(18, 61, 3);
const batch = { inputs: i32([2, 9], ids), targets: i32([2, 9], randomIds(18, 61, 4)) };

type State = { own: Named<Tensor>; frozen: Named<Tensor> };
type Data = Readonly<Record<'inputs' | 'targets', Tensor>>;
type Loss = (own: Named<Tensor>, data: Data, frozen: Named<Tensor>, variant: number) => Tensor;

/** A loss and its gradients. */
const evaluate = (loss: Loss, weights: Named<HostTensor> = own, frozen: Named<HostTensor> = asTeacher(teacher)) =>
  withRuntime(async (runtime) => {
    const program = runtime.compile('distillation', (state: State, data: Data) => {
      const { loss: value, gradients } = valueAndGradients(state.own, (values) => ({
        loss: loss(values, data, state.frozen, 0),
        aux: {},
      }));
      return { metrics: { value, gradients } };
    });
    const { value, gradients } = await program.run(runtime.upload<State>({ own: weights, frozen }), batch);
    return { value: item(value), gradients: gradients };
  });

const settings = (distillation: object) => PlrdConfig.parse({ distillation }).distillation;
const distilled = (weight: number, temperature = 1, hidden = 0) =>
  recoveryLoss(student, parent, settings({ weight, temperature, hidden }));
const plain: Loss = (values, data) => nextTokenLoss(student, values, data);

function logSoftmax(logits: Float32Array, temperature: number): Float64Array[] {
  return Array.from({ length: ids.length }, (_, row) => {
    const scores = Float64Array.from(logits.subarray(row * 61, (row + 1) * 61), (x) => x / temperature);
    const log = Math.log(scores.reduce((sum, x) => sum + Math.exp(x), 0));
    return scores.map((x) => x - log);
  });
}

describe('recoveryLoss', () => {
  it('is the plain loss, without the teacher, at weight 0', async () => {
    const [a, b] = [await evaluate(distilled(0), own, {}), await evaluate(plain, own, {})];
    assert.equal(a.value, b.value);
    for (const [name, gradient] of Object.entries(a.gradients)) assert.deepEqual(gradient, b.gradients[name]);
  });

  for (const temperature of [1, 2.5])
    it(`is the cross-entropy of the two models at weight 1, softened by ${temperature}`, async () => {
      const [p, q] = await withRuntime(async (runtime) => [
        logSoftmax(await logitsOf(runtime, parent, teacher, ids, 2), temperature),
        logSoftmax(await logitsOf(runtime, student, own, ids, 2), temperature),
      ]);
      const sum = p.reduce((total, row, i) => total - row.reduce((s, x, j) => s + Math.exp(x) * q[i]![j]!, 0), 0);
      const { value } = await evaluate(distilled(1, temperature));
      const expected = (temperature ** 2 * sum) / ids.length;
      assert.ok(Math.abs(value - expected) < 1e-4 * expected, `${value} for ${expected}`);
    });

  it('mixes both in its value and in its gradients', async () => {
    const [mixed, next, follow] = [await evaluate(distilled(0.3)), await evaluate(plain), await evaluate(distilled(1))];
    assert.ok(Math.abs(mixed.value - (0.7 * next.value + 0.3 * follow.value)) < 1e-4);
    for (const [name, gradient] of Object.entries(mixed.gradients)) {
      const [a, b] = [floats(next.gradients[name]!), floats(follow.gradients[name]!)];
      assert.ok(
        largestDifference(
          floats(gradient),
          a.map((x, i) => 0.7 * x + 0.3 * b[i]!),
        ) < 1e-4,
        name,
      );
      assert.ok(
        b.some((x) => Math.abs(x) > 1e-5),
        `${name} learns nothing from the teacher`,
      );
    }
  });

  it('follows predictions and hidden states in the given shares', async () => {
    const [mixed, next, follow, half] = [
      await evaluate(distilled(0.6, 1, 0.75)),
      await evaluate(plain),
      await evaluate(distilled(1)),
      await evaluate(distilled(1, 1, 0.5)),
    ];
    const states = 2 * half.value - follow.value;
    const expected = 0.4 * next.value + 0.6 * (0.25 * follow.value + 0.75 * states);
    assert.ok(Math.abs(mixed.value - expected) < 1e-4, `${mixed.value} for ${expected}`);
  });

  it('has no gradient where the student is the teacher', async () => {
    const { gradients } = await evaluate(recoveryLoss(parent, parent, settings({ weight: 1 })), teacher);
    for (const [name, gradient] of Object.entries(gradients))
      assert.ok(
        floats(gradient).every((x) => Math.abs(x) < 1e-5),
        name,
      );
  });
});
