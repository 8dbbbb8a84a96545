import { SCORES, type ScoreKind } from '../../../core/protocol/importance';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Importance } from '../../../core/methods/swiftlearn/sampling/importance';
import { evaluateSample } from '../../../core/methods/swiftlearn/sampling/scores';

const outcome = (logits: readonly number[], label: number, featureNorm = 0) =>
  evaluateSample({ logits: Float32Array.from(logits), label, featureNorm });
const near = (actual: number, expected: number) => {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, not ${expected}`);
};

describe('what a sample is worth', () => {
  it('is what the definitions say, with the numbers of a calculator', () => {
    // softmax(ln 2, 0, ln 5) = (2, 1, 5) / 8
    const { loss, el2n, gradient, predicted, confidence, margin } = outcome(
      [Math.log(2), 0, Math.log(5)],
      0,
      Math.sqrt(3),
    );
    near(loss, Math.log(4));
    near(el2n, Math.sqrt((6 / 8) ** 2 + (1 / 8) ** 2 + (5 / 8) ** 2));
    near(gradient, 2 * el2n);
    assert.equal(predicted, 2);
    near(confidence, 2 / 8);
    near(margin, 3 / 8);
  });

  it('of the gradient is the norm of what finite differences find for the last layer', () => {
    const features = [0.3, -1.2, 0.7];
    const weights = [
      [0.5, -0.1, 0.2],
      [0.1, 0.4, -0.3],
    ];
    const bias = [0.05, -0.2];
    const lossWith = (w: number[][], b: number[]) =>
      outcome(
        w.map((row, c) => row.reduce((sum, x, i) => sum + x * features[i]!, b[c]!)),
        1,
      ).loss;
    const step = 1e-3;
    let squares = 0;
    const difference = (change: (w: number[][], b: number[], by: number) => void) => {
      const at = (by: number) => {
        const [w, b] = [weights.map((row) => [...row]), [...bias]];
        change(w, b, by);
        return lossWith(w, b);
      };
      squares += ((at(step) - at(-step)) / (2 * step)) ** 2;
    };
    for (let c = 0; c < 2; c++) {
      for (let i = 0; i < 3; i++) difference((w, _, by) => (w[c]![i]! += by));
      difference((_, b, by) => (b[c]! += by));
    }
    const logits = weights.map((row, c) => row.reduce((sum, x, i) => sum + x * features[i]!, bias[c]!));
    const { gradient } = outcome(logits, 1, Math.hypot(...features));
    assert.ok(Math.abs(gradient - Math.sqrt(squares)) < 1e-3, `${gradient} ${Math.sqrt(squares)}`);
  });

  it('of a regression follows its error', () => {
    const { loss, el2n, gradient, predicted } = outcome([2.5], 4, 0);
    near(loss, 2.25);
    near(el2n, 1.5);
    near(gradient, 3);
    near(predicted, 2.5);
  });

  const record = (kind: ScoreKind, passes: readonly (readonly number[])[], smoothing = 0) => {
    const importance = new Importance(2, 2, kind, smoothing);
    for (const logits of passes) importance.record(1, outcome(logits, 0));
    return importance;
  };

  it('of a change is how far the logits moved', () => {
    near(
      record('change', [
        [1, 2],
        [4, 6],
      ]).scores[1]!,
      25,
    );
  });

  it('of forgetting counts how often it was right and then wrong; what was never right comes first', () => {
    const [right, wrong] = [
      [9, -9],
      [-9, 9],
    ];
    const count = (...passes: number[][]) => Math.floor(record('forgetting', passes).scores[1]!);
    assert.equal(count(right, right, right), 0);
    assert.equal(count(wrong, right, wrong, wrong, right, wrong), 2);
    assert.equal(count(wrong, wrong), 256);
  });

  it('is smoothed over passes', () => {
    const once = record('loss', [[0, 1]]).scores[1]!;
    const again = record('loss', [[3, 0]]).scores[1]!;
    near(
      record(
        'loss',
        [
          [0, 1],
          [3, 0],
        ],
        0.25,
      ).scores[1]!,
      0.25 * once + 0.75 * again,
    );
  });

  for (const kind of SCORES)
    it(`by ${kind} goes on from a saved state as if nothing had happened`, () => {
      const passes = [
        [1, 2],
        [3, 1],
        [0, 4],
        [2, 2.5],
      ];
      const whole = record(kind, passes, 0.3);
      const first = record(kind, passes.slice(0, 2), 0.3);
      const resumed = new Importance(2, 2, kind, 0.3);
      resumed.restore(structuredClone(first.state()));
      for (const logits of passes.slice(2)) resumed.record(1, outcome(logits, 0));
      assert.deepEqual(resumed.state(), whole.state());
      assert.equal(resumed.answers!.suspicion(1), whole.answers!.suspicion(1));
      assert.ok(Number.isNaN(resumed.answers!.suspicion(0)) && Number.isNaN(resumed.scores[0]!));
    });

  it('is known of samples without labels, too, as far as nothing is compared with a label', () => {
    const worth = { loss: 1, el2n: 2, gradient: 3 };
    for (const kind of SCORES) {
      const importance = new Importance(2, 0, kind, 0);
      const record = () => {
        importance.record(1, worth);
      };
      if (kind === 'change' || kind === 'forgetting') assert.throws(record, RangeError);
      else {
        record();
        assert.equal(importance.scores[1], worth[kind]);
        assert.deepEqual(Object.keys(importance.state()), ['scores']);
      }
    }
  });

  it('is suspicious where the model is sure of another class, pass after pass', () => {
    const importance = new Importance(3, 2, 'loss', 0);
    for (let pass = 0; pass < 3; pass++) {
      importance.record(0, outcome([5, -5], 0));
      importance.record(1, outcome([-5, 5], 0));
      importance.record(2, outcome([0, 0.1], 0));
    }
    const order = [0, 1, 2].sort((a, b) => importance.answers!.suspicion(b) - importance.answers!.suspicion(a));
    assert.deepEqual(order, [1, 2, 0]);
  });
});
