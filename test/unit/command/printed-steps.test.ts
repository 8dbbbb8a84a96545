import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { understandOutput } from '../../../core/methods/command/metrics/output';
import { matchOutput } from '../../../core/methods/command/metrics/pattern';
import { missedOf, readingsOf, recorded } from './printed';

const stepsOf = (...lines: string[]) => recorded(lines).map(([step]) => step);
const json = (row: object) => JSON.stringify(row);

describe('steps that printed objects say', () => {
  it('are never shifted: a rollback keeps its steps, and what it measures again is left out with a note', () => {
    const lines = [0, 100, 200, 300, 400, 300, 400, 500].map((step, at) => json({ step, loss: 1 / (at + 1) }));
    assert.deepEqual(stepsOf(...lines), [0, 100, 200, 300, 400, 500]);
    assert.deepEqual(missedOf(lines), [
      { why: 'twice', what: 'loss' },
      { why: 'twice', what: 'loss' },
    ]);
    // A moment between those before is one of its own.
    assert.deepEqual(
      stepsOf(...[100, 200, 150, 50, 300].map((step) => json({ step, loss: step }))),
      [100, 200, 150, 50, 300],
    );
    assert.deepEqual(stepsOf(json({ step: 4000, loss: 1 }), '{"step": 1e3, "loss": 7}'), [4000, 1000]);
    assert.deepEqual(
      stepsOf(...[4, 3].map((epoch) => json({ epoch, global_step: epoch * 100, loss: epoch }))),
      [400, 300],
    );
  });

  it('whatever they are, each stands where it says', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.maxSafeNat()),
        fc.constantFrom('step', 'global_step', '_step', 'trainer/global_step'),
        (steps, key) => {
          assert.deepEqual(stepsOf(...steps.map((step, at) => json({ epoch: at % 3, [key]: step, loss: at }))), steps);
        },
      ),
    );
  });

  it('batches within an epoch are counted on when it rises', () => {
    const lines = [1, 2].flatMap((epoch) => [10, 20].map((iter) => json({ epoch, iter, loss: 1 })));
    assert.deepEqual(stepsOf(...lines), [10, 20, 30, 40]);
  });

  it('what is called so beside the count of the spec is none', () => {
    assert.deepEqual(readingsOf(['{"round": 6, "global_step": 900, "loss": 0.4}'], understandOutput('round')), [
      { step: 6, values: { global_step: 900, loss: 0.4 } },
    ]);
  });
});

describe('steps that printed lines say', () => {
  it('of a checkpoint that is evaluated later are its own', () => {
    const training = [100, 200, 300, 400].map((step) => `step ${step}: loss ${1 / step}`);
    for (const words of ['checkpoint of step', 'checkpoint at step', 'eval of iteration', 'model from global step'])
      assert.deepEqual(
        stepsOf(...training, ...[100, 200, 400].map((step) => `${words} ${step}: val_loss ${2 / step}`)).slice(4),
        [100, 200, 400],
        words,
      );
    assert.deepEqual(stepsOf('number of steps 100 loss 0.5', 'total number of epochs: 3, loss 0.4'), [1, 2]);
  });

  it('a value without a count never gets a step that the program did not reach', () => {
    const lines = ['step 10 loss 1', 'val_loss 2', 'val_loss 3', 'step 20 loss 1', 'val_loss 4'];
    assert.deepEqual(stepsOf(...lines), [10, 10, 20, 20]);
    assert.deepEqual(missedOf(lines), [{ why: 'twice', what: 'val_loss' }]);
  });

  it('a rollback through the epochs keeps its steps', () => {
    const line = (epoch: number, batch: number) => `Epoch: [${epoch}][${batch}/100] Loss ${epoch}.${batch}`;
    assert.deepEqual(
      stepsOf(line(0, 50), line(1, 50), line(2, 50), line(1, 50), line(1, 75), line(2, 50), line(3, 50)),
      [50, 150, 250, 175, 350],
    );
    const folds = [1, 2].flatMap(() => [0, 1].flatMap((epoch) => [0, 50].map((batch) => line(epoch, batch))));
    assert.deepEqual(stepsOf(...folds), [0, 50, 100, 150, 200, 250, 300, 350]);
    assert.deepEqual(
      stepsOf('Epoch 3 step 300 loss 1', 'Epoch 4 step 400 loss 2', 'Epoch 3 step 350 loss 3'),
      [300, 400, 350],
    );
  });

  it('by an expression: as those of other lines', () => {
    const read = () => matchOutput(String.raw`(?:e(?<epoch>\d+) )?s(?<step>\d+) (?<loss>\S+)`);
    const steps = (...lines: string[]) => readingsOf(lines, read()).map(({ step }) => step);
    assert.deepEqual(steps('s10 1', 's20 1', 's10 1', 's20 1'), [10, 20, 30, 40]);
    assert.deepEqual(steps('s0 1', 's1 1', 's0 1', 's1 1'), [0, 1, 2, 3]);
    assert.deepEqual(
      steps('s100 1', 's200 1', 's300 1', 's400 1', 's300 2', 's400 2', 's500 2'),
      [100, 200, 300, 400, 500],
    );
    assert.deepEqual(missedOf(['s100 1', 's200 1', 's200 2'], read()), [{ why: 'twice', what: 'loss' }]);
    assert.deepEqual(steps('e1 s10 1', 'e1 s20 1', 'e2 s10 1', 'e2 s20 1'), [10, 20, 30, 40]);
  });
});

describe('bars from nothing to all', () => {
  const bar = (label: string, done: number, of: number, loss: number) =>
    `${label}${Math.floor((100 * done) / of)}%|███   | ${done}/${of} [00:10<00:12, 45.2it/s, loss=${loss}]\r`;
  const loops: Record<string, (epoch: number) => string> = {
    'tqdm with its epoch': (epoch) => `Epoch ${epoch + 1}/3: `,
    'Lightning, from 0': (epoch) => `Epoch ${epoch}: `,
    'without a name': () => '',
    'one name for all': () => 'Training: ',
  };
  for (const [name, label] of Object.entries(loops))
    it(name, () => {
      const lines = [0, 1, 2].flatMap((epoch) =>
        Array.from({ length: 21 }, (_, done) => bar(label(epoch), done, 20, epoch + done / 100)),
      );
      assert.deepEqual(
        stepsOf(...lines),
        Array.from({ length: 61 }, (_, step) => step),
      );
    });

  it('that are not shown to their end are as long as they say', () => {
    const lines = [0, 1, 2].flatMap((epoch) => [0, 7, 14].map((done) => bar('', done, 20, epoch + done / 100)));
    assert.deepEqual(stepsOf(...lines), [0, 7, 14, 20, 27, 34, 40, 47, 54]);
  });
});
