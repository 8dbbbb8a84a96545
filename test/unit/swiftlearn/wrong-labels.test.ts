import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answers } from '../../../core/methods/swiftlearn/sampling/answers';
import { evaluateSample } from '../../../core/methods/swiftlearn/sampling/scores';
import {
  countWrongLabels,
  listWrongLabels,
  WrongLabelsEstimate,
} from '../../../core/methods/swiftlearn/sampling/wrong-labels';
import { Random } from '../../../core/random';

const SIZE = 4000;

/**
 * Samples of which a share has a wrong label, and the best model of their true classes, which are Gaussians
 * that far apart: the closer, the more mistakes it makes.
 */
function world(options: { classes: number; share: number; apart: number; pairs?: boolean }) {
  const { classes, share, apart, pairs = false } = options;
  const random = new Random(1);
  const truth = Int32Array.from({ length: SIZE }, () => random.int(classes));
  const labels = truth.map((label) =>
    random.uniform() >= share ? label : (label + (pairs ? 1 : 1 + random.int(classes - 1))) % classes,
  );
  const answers = new Answers(SIZE);
  const pass = () => {
    for (let sample = 0; sample < SIZE; sample++) {
      const logits = Float32Array.from(
        { length: classes },
        (_, c) => apart * (random.normal() + (c === truth[sample] ? apart : 0)),
      );
      answers.record(sample, evaluateSample({ logits, label: labels[sample]!, featureNorm: 1 }));
    }
  };
  const wrong = labels.map((label, i) => (label === truth[i] ? 0 : 1));
  return { answers, known: { labels, classes }, pass, wrong, real: wrong.reduce((sum, one) => sum + one, 0) / SIZE };
}

describe('the share of wrong labels', () => {
  it('is within the interval and 5 points of the truth, for two classes and ten, by chance and of a kind', () => {
    for (const classes of [2, 10])
      for (const pairs of [false, true])
        for (const share of [0.05, 0.1, 0.2, 0.3])
          for (const apart of [3.5, 4.5]) {
            const { answers, known, pass, real } = world({ classes, share, apart, pairs });
            pass();
            const { share: found, low, high } = countWrongLabels(answers, known)!;
            const name = `${classes} classes, ${share}, ${apart}, ${pairs}: ${found} (${low} to ${high}), ${real}`;
            assert.ok(low <= found && found <= high, name);
            assert.ok(low <= real && real <= high, name);
            assert.ok(Math.abs(found - real) < 0.05, name);
          }
  });

  it('is next to nothing where nothing is wrong, so nothing is listed', () => {
    for (const classes of [2, 10]) {
      const { answers, known, pass } = world({ classes, share: 0, apart: 4.5 });
      pass();
      const wrong = countWrongLabels(answers, known)!;
      assert.ok(wrong.share < 0.02 && wrong.low < 0.01, String(wrong.share));
      const suspects = listWrongLabels(answers, known, wrong);
      assert.equal(suspects.wrong.listed, 0);
      assert.ok(suspects.listed.every((one) => one === 0));
    }
  });

  it('is unknown before every sample was seen', () => {
    const { answers, known } = world({ classes: 2, share: 0.1, apart: 4 });
    assert.equal(countWrongLabels(answers, known), undefined);
  });

  it('lists the wrong ones: 90 % of them and more, at a precision of 80 % and more', () => {
    for (const pairs of [false, true]) {
      const { answers, known, pass, wrong } = world({ classes: 10, share: 0.2, apart: 3, pairs });
      for (let i = 0; i < 3; i++) pass();
      const { listed, wrong: estimate } = listWrongLabels(answers, known, countWrongLabels(answers, known)!);
      const found = listed.reduce((sum, one, i) => sum + one * wrong[i]!, 0);
      assert.equal(
        listed.reduce((sum, one) => sum + one, 0),
        estimate.listed,
      );
      assert.ok(found / estimate.listed > 0.8, `${found} of ${estimate.listed}`);
      assert.ok(found / wrong.reduce((sum, one) => sum + one, 0) > 0.9);
    }
  });

  it('is that of the pass whose interval has the least spread', () => {
    const estimate = new WrongLabelsEstimate();
    const all = new Uint8Array(SIZE).fill(1);
    assert.equal(estimate.value, undefined);
    const early = world({ classes: 10, share: 0.2, apart: 1 });
    early.pass();
    estimate.add(early.answers, early.known, all);
    const first = estimate.value!;
    const later = world({ classes: 10, share: 0.2, apart: 4 });
    later.pass();
    estimate.add(later.answers, later.known, all);
    const second = estimate.value!;
    assert.ok(second.high - second.low < first.high - first.low);
    assert.ok(Math.abs(second.share - later.real) < 0.02);
    estimate.add(early.answers, early.known, all);
    assert.deepEqual(estimate.value, second);
  });

  it('is not that of a model that knows nothing of the classes, however sure it is', () => {
    const estimate = new WrongLabelsEstimate();
    const random = new Random(9);
    const { answers, known, pass, real } = world({ classes: 2, share: 0.2, apart: 3 });
    known.labels.forEach((label, sample) => {
      // A probability of 0.7 for either class.
      const logits = random.uniform() < 0.5 ? Float32Array.of(0.85, 0) : Float32Array.of(0, 0.85);
      answers.record(sample, evaluateSample({ logits, label, featureNorm: 1 }));
    });
    const all = new Uint8Array(SIZE).fill(1);
    const blind = countWrongLabels(answers, known)!;
    assert.ok(blind.share > 0.4 && (blind.high + 0.05) / (blind.low + 0.05) < 1.5);
    estimate.add(answers, known, all);
    pass();
    estimate.add(answers, known, all);
    assert.ok(Math.abs(estimate.value!.share - real) < 0.03);
  });

  it('is not that of a model that has learned a part of the wrong labels by heart, whose interval is narrower', () => {
    for (const share of [0.1, 0.2, 0.3]) {
      const { answers, known, pass, wrong, real } = world({ classes: 2, share, apart: 2 });
      const estimate = new WrongLabelsEstimate();
      const all = new Uint8Array(SIZE).fill(1);
      pass();
      estimate.add(answers, known, all);
      const first = estimate.value!;
      wrong.forEach((one, sample) => {
        if (one === 0 || sample % 3 === 0) return;
        const logits = Float32Array.from([0, 1], (c) => (c === known.labels[sample] ? 2 : 0));
        answers.record(sample, evaluateSample({ logits, label: known.labels[sample]!, featureNorm: 1 }));
      });
      const later = countWrongLabels(answers, known)!;
      assert.ok(later.high - later.low < first.high - first.low, `${share}: ${later.low} to ${later.high}`);
      assert.ok(later.share < 0.7 * real);
      estimate.add(answers, known, all);
      assert.deepEqual(estimate.value, first);
    }
  });

  it('is not that of a model that has learned its labels by heart', () => {
    const { answers, known, pass, wrong, real } = world({ classes: 2, share: 0.2, apart: 3 });
    const estimate = new WrongLabelsEstimate();
    pass();
    // The first estimate leaves out half of the wrong ones; the others are learned by heart.
    const trained = Uint8Array.from(wrong, (one, i) => (one === 1 && i % 2 === 0 ? 0 : 1));
    estimate.add(answers, known, new Uint8Array(SIZE).fill(1));
    const first = estimate.value!;
    known.labels.forEach((label, sample) => {
      const believed = trained[sample] === 1 ? label : 1 - label;
      const logits = Float32Array.of(believed === 0 ? 9 : 0, believed === 1 ? 9 : 0);
      answers.record(sample, evaluateSample({ logits, label, featureNorm: 1 }));
    });
    const naive = countWrongLabels(answers, known)!;
    assert.ok(naive.high < real && naive.high - naive.low < first.high - first.low);
    estimate.add(answers, known, trained);
    assert.deepEqual(estimate.value, first);
    assert.ok(Math.abs(first.share - real) < 0.03);
  });
});
