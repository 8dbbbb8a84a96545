import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../../fast-check';
import {
  accuracy,
  f1,
  macroF1,
  matthews,
  metricNames,
  metricsOf,
  pearson,
  spearman,
} from '../../../../core/data/labeled/metrics';

const near = (actual: number, expected: number) => {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);
};

const range = (map: (i: number) => number) => Array.from({ length: 60 }, (_, i) => map(i));
const truth = (classes: number) => range((i) => (i * 7 + Math.floor((i * i) / 3)) % classes);

/** Numbers that scikit-learn 1.9.1 and scipy 1.17.1 give for the same samples. */
describe('metrics are those of scikit-learn and scipy', () => {
  it('for two classes', () => {
    const labels = truth(2);
    const evaluated = { labels, predictions: range((i) => ((i * 5) % 7 < 5 ? labels[i]! : 1 - labels[i]!)) };
    near(accuracy(evaluated), 0.7166666666666667);
    near(f1(evaluated, 1), 0.7671232876712328);
    near(matthews(evaluated, 2), 0.42640143271122083);
  });

  it('for three classes', () => {
    const labels = truth(3);
    const evaluated = {
      labels,
      predictions: range((i) => ((i * 5) % 7 < 4 ? labels[i]! : (labels[i]! + 1 + (i % 2)) % 3)),
    };
    near(accuracy(evaluated), 0.5833333333333334);
    near(macroF1(evaluated, 3), 0.5535749074615235);
    near(matthews(evaluated, 3), 0.3561702884836251);
  });

  it('for numbers, with many that are equal', () => {
    const predictions = range((i) => ((i * 37) % 23) / 5);
    const labels = range((i) => ((i * 37) % 23) / 7 + ((i * 11) % 5));
    near(pearson({ predictions, labels }), 0.7274317536654351);
    near(spearman({ predictions, labels }), 0.7629170784632349);
  });
});

describe('metrics', () => {
  it('say what is not defined as those libraries do', () => {
    const constant = { predictions: [1, 1, 1], labels: [0, 1, 1] };
    assert.equal(matthews(constant, 2), 0);
    assert.equal(f1({ predictions: [0, 0], labels: [0, 0] }, 1), 0);
    assert.ok(Number.isNaN(pearson(constant)));
    assert.throws(() => accuracy({ predictions: [], labels: [] }), RangeError);
    assert.throws(() => pearson({ predictions: [1], labels: [1, 2] }), RangeError);
  });

  it('hold for all samples', () => {
    const pairs = (classes: number) =>
      fc.array(fc.tuple(fc.nat(classes - 1), fc.nat(classes - 1)), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(pairs(4), (samples) => {
        const evaluated = { predictions: samples.map(([p]) => p), labels: samples.map(([, l]) => l) };
        const swapped = { predictions: evaluated.labels, labels: evaluated.predictions };
        near(matthews(evaluated, 4), matthews(swapped, 4));
        near(macroF1(evaluated, 4), macroF1(swapped, 4));
        assert.ok(Math.abs(matthews(evaluated, 4)) <= 1 + 1e-12);
        assert.equal(macroF1({ predictions: evaluated.labels, labels: evaluated.labels }, 4), 1);
      }),
    );
    fc.assert(
      fc.property(pairs(2), (samples) => {
        // Of two classes, Matthews' correlation is Pearson's.
        const evaluated = { predictions: samples.map(([p]) => p), labels: samples.map(([, l]) => l) };
        const correlation = pearson(evaluated);
        near(matthews(evaluated, 2), Number.isNaN(correlation) ? 0 : correlation);
      }),
    );
    const numbers = fc.integer({ min: -50, max: 50 });
    fc.assert(
      fc.property(fc.array(fc.tuple(numbers, numbers), { minLength: 2, maxLength: 50 }), (samples) => {
        const evaluated = { predictions: samples.map(([p]) => p), labels: samples.map(([, l]) => l) };
        // Ranks do not change where the order does not.
        const stretched = {
          ...evaluated,
          predictions: evaluated.predictions.map((value) => 3 * Math.sign(value) + value),
        };
        const [a, b] = [spearman(evaluated), spearman(stretched)];
        assert.ok(Number.isNaN(a) ? Number.isNaN(b) : Math.abs(a - b) < 1e-9 && Math.abs(a) <= 1);
      }),
    );
  });

  it('are those of GLUE for its tasks, the primary one first', () => {
    const kind = 'classification';
    const names = (task: Parameters<typeof metricNames>[0]['task']) => metricNames({ task, kind });
    assert.deepEqual(names('cola'), ['matthews']);
    assert.deepEqual(names('mrpc'), ['accuracy', 'f1']);
    assert.deepEqual(names('stsb'), ['pearson', 'spearman']);
    assert.deepEqual(names('rte'), ['accuracy']);
    assert.deepEqual(metricNames({ kind: 'regression' }), ['pearson', 'spearman']);
    const right = { predictions: [0, 1, 2], labels: [0, 1, 2] };
    const half = { predictions: [0, 1], labels: [0, 2] };
    assert.deepEqual(metricsOf({ task: 'mnli', kind }, right, half), [
      { name: 'accuracy', value: 1 },
      { name: 'accuracyMismatched', value: 0.5 },
    ]);
    assert.deepEqual(
      metricsOf({ kind, classes: ['a', 'b', 'c'] }, right).map(({ value }) => value),
      [1, 1, 1],
    );
  });
});
