import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { Readings, type Reading, type Row } from '../../../core/methods/command/metrics/readings';
import { Troubles } from '../../../core/methods/command/metrics/troubles';

/** The readings of the rows of one file, and what was said. */
function all(rows: readonly Row[], options = {}): { readings: Reading[]; steps: number[]; troubles: string[] } {
  const troubles = new Troubles();
  const taker = new Readings({ troubles, ...options });
  const readings = rows.flatMap((row, i) => taker.take(row, () => `line ${i + 1}`) ?? []);
  return { readings, steps: readings.map(({ step }) => step), troubles: troubles.sentences() };
}
const stepsOf = (rows: readonly Row[], options = {}) => all(rows, options).steps;
const counted = (key: string, ...steps: unknown[]) => steps.map((step) => ({ [key]: step, loss: 1 }));

describe('steps of files', () => {
  it('are those that are written: back, twice, in any order', () => {
    for (const key of ['step', 'global_step', '_step', 'trainer/global_step', 'steps', 'iteration', 'epoch']) {
      const steps = [500, 600, 700, 510, 600, 600, 800, 0, 3];
      assert.deepEqual(stepsOf(counted(key, ...steps)), steps, key);
    }
    assert.deepEqual(
      stepsOf([
        { step: 50, 'eval/loss': 1 },
        { step: 20, 'eval/loss': 2 },
        { step: 60, 'train/loss': 3 },
      ]),
      [50, 20, 60],
    );
    fc.assert(
      fc.property(fc.array(fc.record({ step: fc.maxSafeNat(), name: fc.constantFrom('a', 'b', 'c') })), (rows) => {
        assert.deepEqual(
          stepsOf(rows.map(({ step, name }) => ({ step, epoch: step % 3, [name]: 1 }))),
          rows.map(({ step }) => step),
        );
      }),
    );
  });

  it('one that is none leaves out its own row, by name, and nothing else', () => {
    const odd = fc.constantFrom<unknown>(-1, 0.5, 2 ** 53, 1e20, NaN, Infinity, 'final', '-3', '1.5', 'NaN');
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(), odd), { minLength: 1 }), (steps) => {
        const { steps: found, troubles } = all(counted('step', ...steps));
        const good = steps.filter((step) => typeof step === 'number' && Number.isSafeInteger(step) && step >= 0);
        assert.deepEqual(found, good);
        assert.equal(troubles.length, good.length === steps.length ? 0 : 1);
      }),
    );
    assert.deepEqual(all(counted('step', 1, -1, 3, 0.5)).troubles, [
      '2 rows were skipped because "step" is not a whole number, 0 or greater (line 2: -1).',
    ]);
  });

  it('the global one counts where there are several; texts that are numbers do', () => {
    assert.deepEqual(all([{ step: 3, global_step: '500', loss: 1 }]).readings, [
      { step: 500, values: { step: 3, loss: 1 } },
    ]);
    assert.deepEqual(stepsOf([{ _step: 7, 'trainer/global_step': 350, loss: 1 }]), [350]);
    assert.deepEqual(stepsOf([{ Step: 5.0, Value: 1, 'Wall time': 1e9 }]), [5]);
  });

  it('a row without a step belongs to the row before it', () => {
    assert.deepEqual(
      stepsOf([
        { step: 100, loss: 1 },
        { step: null, loss: 1 },
        { epoch: 1, 'val/loss': 1 },
        { step: 200, loss: 1 },
        { test_acc: 0.9 },
      ]),
      [100, 100, 100, 200, 200],
    );
    assert.deepEqual(stepsOf([{ loss: 3 }, { loss: 2 }, { loss: 1 }]), [1, 2, 3]);
  });

  it('epochs count until they come in fractions; then the rows do, and never fall behind', () => {
    assert.deepEqual(
      all([0.25, 0.5, 1].map((epoch) => ({ epoch, loss: 1 }))).readings.map(({ step, values }) => [step, values.epoch]),
      [
        [1, 0.25],
        [2, 0.5],
        [3, 1],
      ],
    );
    assert.deepEqual(
      stepsOf([
        { epoch: 8, loss: 1 },
        { epoch: 9, loss: 1 },
        { epoch: 9.5, loss: 1 },
        { epoch: 10, loss: 1 },
      ]),
      [8, 9, 10, 11],
    );
    assert.deepEqual(stepsOf(counted('epoch', 1, 1, 2, 2)), [1, 1, 2, 2]);
  });

  it("an epoch's batches are counted on into the next epoch, and only there", () => {
    const rows = [1, 2, 3].flatMap((epoch) => [10, 20].map((iter) => ({ epoch, iter, loss: 1 })));
    assert.deepEqual(stepsOf(rows), [10, 20, 30, 40, 50, 60]);
    assert.deepEqual(
      stepsOf([1, 2].flatMap((epoch) => [0, 1].map((batch_idx) => ({ epoch, batch_idx, loss: 1 })))),
      [0, 1, 2, 3],
    );
    assert.deepEqual(
      stepsOf([1, 2].flatMap((epoch) => [0, 1].map((batch) => ({ epoch, batch, loss: 1 })))),
      [0, 1, 2, 3],
    );
    assert.deepEqual(stepsOf(counted('num_updates', 100, 200)), [100, 200]);
    // It counts over the whole training, and a program went on from its checkpoint.
    assert.deepEqual(stepsOf([10, 20, 30, 20, 30].map((iter) => ({ iter, epoch: 1, loss: 1 }))), [10, 20, 30, 20, 30]);
    assert.deepEqual(
      stepsOf([1, 2].flatMap((epoch) => [10, 20].map((step) => ({ epoch, step, loss: 1 })))),
      [10, 20, 10, 20],
    );
  });

  it('a named count is taken as it is written; one that is nowhere is known', () => {
    const readings = new Readings({ stepKey: 'Update', prefix: 'val/' });
    assert.deepEqual(readings.take({ Update: '7', tokens: 900, loss: '0.5', name: 'x', ok: true }), {
      step: 7,
      tokens: 900,
      values: { 'val/loss': 0.5 },
    });
    assert.equal(readings.take({ Update: 8 }), undefined);
    assert.equal(readings.met.stepKey, true);
    assert.deepEqual(stepsOf(counted('Update', 7, 3, 7), { stepKey: 'update' }), [7, 3, 7]);
  });
});

describe('texts of files', () => {
  it('one that may be meant as a number is left out, and said; clocks and names are not', () => {
    const { readings, troubles } = all([
      { step: 1, loss: '0,5', acc: 0.9 },
      { step: 2, loss: '1 234', acc: 0.9, time: '12 345', memory: '12 GB', run: 'b7', version: '1.2.3-rc' },
    ]);
    assert.deepEqual(
      readings.map(({ values }) => values),
      [{ acc: 0.9 }, { acc: 0.9 }],
    );
    assert.equal(troubles.length, 1);
    assert.match(troubles[0]!, /2 values were left out of "loss".*\(line 1: "0,5"\)/);
  });

  it('where a file has read its numbers itself, no text is one', () => {
    const { readings, troubles } = all(
      [
        { step: 1, loss: '1.234', lr: 0.1 },
        { step: '1.000', lr: 0.2 },
      ],
      { typed: true },
    );
    assert.deepEqual(readings, [{ step: 1, values: { lr: 0.1 } }]);
    assert.match(troubles.join(), /1 row was skipped because "step" is not a whole number.*line 2: "1.000"/);
  });
});

describe('names of files', () => {
  it('a row says which part of the data it is of', () => {
    assert.deepEqual(
      all([
        { split: 'train', step: 1, loss: 2 },
        { split: 'val', step: 1, loss: 3 },
        { mode: 'val', epoch: 1, iter: 1, loss: 4 },
        { phase: 'warmup', step: 1, loss: 5 },
      ]).readings.flatMap(({ values }) => Object.keys(values).filter((name) => name.endsWith('loss'))),
      ['train/loss', 'val/loss', 'val/loss', 'loss'],
    );
    for (const key of ['dataset', 'type', 'event', 'data_split', 'Loader'])
      assert.deepEqual(
        all([
          { [key]: 'train', step: 1, loss: 2 },
          { [key]: 'Test', step: 1, loss: 3 },
          { [key]: 'cifar10', step: 2, loss: 4 },
        ]).readings.flatMap(({ values }) => Object.keys(values)),
        ['train/loss', 'Test/loss', 'loss'],
        key,
      );
  });

  it('one measurement to a row: the name stands beside the value', () => {
    assert.deepEqual(
      all([
        { metric: 'loss', value: 0.5, step: 3 },
        { metric: 'acc', value: 0.9, step: 3 },
        { value: 7, step: 4 },
      ]).readings,
      [
        { step: 3, values: { loss: 0.5 } },
        { step: 3, values: { acc: 0.9 } },
        { step: 4, values: { value: 7 } },
      ],
    );
    assert.deepEqual(
      all(['loss', 'acc'].map((name) => ({ name, value: 0.5, step: 3, fold: 1 }))).readings.map(({ values }) => values),
      [
        { loss: 0.5, fold: 1 },
        { acc: 0.5, fold: 1 },
      ],
      'two metrics share no series, whatever else the rows have',
    );
  });

  it('no name is lost or made up: objects in objects, names of JavaScript, clocks', () => {
    const row = JSON.parse(
      '{"step":1,"a":{"b":{"c":1}},"__proto__":2,"constructor":3,"time":4,"ok":true,"list":[1]}',
    ) as Row;
    const [reading] = all([row]).readings;
    assert.deepEqual(Object.entries(reading!.values), [
      ['a/b/c', 1],
      ['__proto__', 2],
      ['constructor', 3],
    ]);
    let deep: Row = { x: 1 };
    for (let i = 0; i < 20_000; i++) deep = { o: deep };
    assert.equal(all([deep]).readings.length, 0);
  });
});
