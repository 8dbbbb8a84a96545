import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InfoBatch } from '../../../core/methods/swiftlearn/sampling/info-batch';
import { MostImportant, type MostImportantOptions } from '../../../core/methods/swiftlearn/sampling/most-important';
import { evaluateSample } from '../../../core/methods/swiftlearn/sampling/scores';
import type { Sampler } from '../../../core/methods/swiftlearn/sampling/sampler';

const SIZE = 50;
const OPTIONS: MostImportantOptions = {
  size: SIZE,
  outputs: 2,
  epochs: 9,
  warmupEpochs: 2,
  finalEpochs: 0,
  selectEvery: 3,
  scoring: 'pass',
  score: 'loss',
  choice: 'highest',
  smoothing: 0,
  keep: 0.2,
  skipHardest: 0,
  seed: 5,
};

/** What each epoch sees, when a sample's loss grows with its number, and after `turn` falls with it. */
function walk(sampler: Sampler, turn = Infinity, from = 0) {
  const record = (samples: Iterable<number>, epoch: number, during: 'pass' | 'training') => {
    for (const sample of samples)
      sampler.record(
        sample,
        evaluateSample({
          logits: Float32Array.of(0, (epoch < turn ? sample : SIZE - sample) / 10),
          label: 0,
          featureNorm: 1,
        }),
        during,
      );
  };
  return Array.from({ length: sampler.epochs - from }, (_, i) => {
    const epoch = from + i;
    const scored = sampler.scoresBefore(epoch);
    if (scored) record(Array(SIZE).keys(), epoch, 'pass');
    const plan = sampler.plan(epoch);
    if (plan.record) record(plan.samples, epoch, 'training');
    sampler.trained?.(epoch);
    return { samples: [...plan.samples], scored, weights: plan.weights && [...plan.weights] };
  });
}

/** The loss of two classes whose logits are that far apart. */
const softplus = (x: number) => Math.log(1 + Math.exp(x));

const top = Array.from({ length: 10 }, (_, i) => 40 + i);
const bottom = Array.from({ length: 10 }, (_, i) => i + 1);

describe('what an epoch sees', () => {
  it('is everything at first, then what matters most, chosen again every so often', () => {
    const epochs = walk(new MostImportant(OPTIONS), 4);
    assert.deepEqual(
      epochs.map(({ samples }) => samples.length),
      [50, 50, 10, 10, 10, 10, 10, 10, 10],
    );
    assert.deepEqual(
      epochs.map(({ scored }) => scored),
      [false, false, true, false, false, true, false, false, true],
    );
    for (const compared of [{ smoothing: 0.5 }, { score: 'change' } as const])
      assert.equal(walk(new MostImportant({ ...OPTIONS, ...compared }))[1]!.scored, true);
    assert.deepEqual(epochs[2]!.samples, top);
    assert.deepEqual(epochs[4]!.samples, top);
    // What was dropped is back when it has become the harder part.
    assert.deepEqual(epochs[5]!.samples, [0, ...bottom.slice(0, 9)]);
  });

  it('may score while it trains on everything, which costs no further pass', () => {
    const epochs = walk(new MostImportant({ ...OPTIONS, scoring: 'training' }), 4);
    assert.deepEqual(
      epochs.map(({ samples }) => samples.length),
      [50, 50, 10, 10, 10, 50, 10, 10, 50],
    );
    assert.ok(epochs.every(({ scored }) => !scored));
    assert.deepEqual(epochs[2]!.samples, top);
    assert.deepEqual(epochs[6]!.samples, [0, ...bottom.slice(0, 9)]);
  });

  it('is drawn by chance for the control, as many, anew each time', () => {
    const epochs = walk(new MostImportant({ ...OPTIONS, score: 'chance' }));
    assert.deepEqual(
      epochs.map(({ samples }) => samples.length),
      [50, 50, 10, 10, 10, 10, 10, 10, 10],
    );
    assert.ok(epochs.every(({ scored }) => !scored));
    assert.notDeepEqual(epochs[2]!.samples, epochs[5]!.samples);
    assert.deepEqual(epochs[2]!.samples, epochs[4]!.samples);
  });

  it('scores while it trains only where no pass does: what is trained on is changed before', () => {
    const sampler = new MostImportant({ ...OPTIONS, choice: 'drawn' });
    for (let epoch = 0; epoch < OPTIONS.epochs; epoch++) assert.equal(sampler.plan(epoch).record, false);
  });

  it('may be drawn by the scores: others in each epoch, weighed, with the scores that they had when they were last seen', () => {
    const sampler = new MostImportant({ ...OPTIONS, choice: 'drawn', selectEvery: 0, scoring: 'training' });
    const epochs = walk(sampler, 4);
    assert.deepEqual(
      epochs.map(({ samples }) => samples.length),
      [50, 50, 10, 10, 10, 10, 10, 10, 10],
    );
    assert.notDeepEqual(epochs[2]!.samples, epochs[3]!.samples);
    assert.deepEqual(
      epochs.map(({ weights }) => weights?.length),
      [undefined, undefined, 10, 10, 10, 10, 10, 10, 10],
    );
    const { scores } = sampler.importance;
    const latest = epochs[8]!.samples;
    for (const sample of latest) assert.ok(Math.abs(scores[sample]! - softplus((SIZE - sample) / 10)) < 1e-4);
  });

  it('is everything again at the end, where that is asked for', () => {
    for (const choice of ['highest', 'drawn'] as const) {
      const epochs = walk(new MostImportant({ ...OPTIONS, choice, finalEpochs: 2 }));
      assert.deepEqual(
        epochs.map(({ samples }) => samples.length),
        [50, 50, 10, 10, 10, 10, 10, 50, 50],
      );
      // A choice that nothing would follow is not made.
      assert.equal(epochs[8]!.scored, false);
      assert.equal(epochs[8]!.weights, undefined);
    }
  });

  it('is as large as was expected', () => {
    for (const scoring of ['pass', 'training'] as const) {
      const labels = Int32Array.from({ length: SIZE }, (_, i) => (i < 7 ? 1 : 0));
      const sampler = new MostImportant({ ...OPTIONS, scoring, balance: { labels, classes: 2 } });
      walk(sampler).forEach(({ samples }, epoch) => {
        assert.equal(samples.length, sampler.expected(epoch));
      });
    }
  });

  describe('what the warm-up predicts', () => {
    /** Two classes; every fifth label is wrong. A model that has seen a label often enough agrees with it. */
    const isWrong = (sample: number) => sample % 5 === 0;
    const labels = Int32Array.from({ length: SIZE }, (_, sample) => sample % 2);
    const seen = (sample: number, byHeart: boolean) => {
      const label = labels[sample]!;
      const believed = isWrong(sample) && !byHeart ? 1 - label : label;
      const logits = Float32Array.from([0, 1], (c) => (c === believed ? 4 : 0));
      return evaluateSample({ logits, label, featureNorm: 1 });
    };
    /** Up to the first selection, before which a pass finds everything learned by heart. */
    const warmUp = (options: Partial<MostImportantOptions>) => {
      const sampler = new MostImportant({ ...OPTIONS, labels: { labels, classes: 2 }, ...options });
      for (let epoch = 0; epoch < OPTIONS.warmupEpochs; epoch++) {
        const { samples, record } = sampler.plan(epoch);
        if (record) for (const sample of samples) sampler.record(sample, seen(sample, false), 'training');
        sampler.trained(epoch);
      }
      if (sampler.scoresBefore(OPTIONS.warmupEpochs))
        for (let sample = 0; sample < SIZE; sample++) sampler.record(sample, seen(sample, true), 'pass');
      sampler.plan(OPTIONS.warmupEpochs);
      return sampler;
    };

    it('finds the wrong labels that a pass after it finds no more', () => {
      const { wrong, listed } = warmUp({}).suspects()!;
      assert.ok(Math.abs(wrong.share - 0.2) < 0.01, String(wrong.share));
      assert.deepEqual(
        [...listed],
        Array.from({ length: SIZE }, (_, sample) => (isWrong(sample) ? 1 : 0)),
      );
    });

    it('counts from the second epoch on, or in the only one where no pass follows', () => {
      const afterOne = (options: Partial<MostImportantOptions>) => {
        const sampler = new MostImportant({ ...OPTIONS, labels: { labels, classes: 2 }, ...options });
        for (const sample of sampler.plan(0).samples) sampler.record(sample, seen(sample, false), 'training');
        sampler.trained(0);
        return sampler.suspects();
      };
      assert.equal(afterOne({}), undefined);
      assert.equal(afterOne({ warmupEpochs: 1 }), undefined);
      assert.ok(afterOne({ warmupEpochs: 1, scoring: 'training' }));
    });

    it('does not count as scores where these come from passes', () => {
      const byPass = warmUp({}).importance.scores;
      assert.ok(byPass.every((score) => score < 0.1));
      const byTraining = warmUp({ scoring: 'training' }).importance.scores;
      assert.ok(byTraining.some((score) => score > 1));
    });

    it('is not recorded where training mixes samples, where labels are no classes, and for random choices', () => {
      for (const options of [{ mixes: true }, { labels: undefined }, { score: 'chance' }] as const) {
        const sampler = new MostImportant({ ...OPTIONS, labels: { labels, classes: 2 }, ...options });
        assert.equal(sampler.plan(0).record, false);
      }
      assert.equal(warmUp({ mixes: true }).suspects()!.wrong.listed, 0);
    });
  });

  it('InfoBatch: of the easy ones a share leaves, the others of them weigh more, the last epochs see all', () => {
    const epochs = walk(new InfoBatch({ size: SIZE, epochs: 8, ratio: 0.5, anneal: 0.75, seed: 1 }));
    assert.deepEqual(
      epochs.map(({ samples }) => samples.length === SIZE),
      [true, false, false, false, false, false, true, true],
    );
    for (const { samples, weights } of epochs.slice(1, 6)) {
      const light = samples.filter((_, i) => weights![i] === 1);
      const heavy = samples.filter((_, i) => weights![i] === 2);
      assert.equal(light.length + heavy.length, samples.length);
      assert.ok(Math.min(...light) > Math.max(...heavy));
      // In expectation nothing has changed.
      assert.ok(Math.abs(light.length + 2 * heavy.length - SIZE) <= 1);
    }
    assert.notDeepEqual(epochs[1]!.samples, epochs[2]!.samples);
  });

  it('goes on from a saved state with the same samples', () => {
    for (const make of [
      () => new MostImportant({ ...OPTIONS, smoothing: 0.5 }),
      () =>
        new MostImportant({ ...OPTIONS, labels: { labels: new Int32Array(SIZE), classes: 1 }, skipHardest: 'auto' }),
      () => new MostImportant({ ...OPTIONS, score: 'forgetting', scoring: 'training' }),
      () => new InfoBatch({ size: SIZE, epochs: 9, ratio: 0.4, anneal: 0.875, seed: 3 }),
    ]) {
      const whole = walk(make(), 4);
      const first = make();
      // Up to the end of epoch 3.
      walk({ ...bind(first), epochs: 4 }, 4);
      const second = make();
      second.restore(structuredClone(first.state()));
      assert.deepEqual(walk(second, 4, 4), whole.slice(4));
    }
  });
});

const bind = (sampler: Sampler): Sampler => ({
  epochs: sampler.epochs,
  expected: (epoch) => sampler.expected(epoch),
  scoresBefore: (epoch) => sampler.scoresBefore(epoch),
  record: (sample, outcome, during) => {
    sampler.record(sample, outcome, during);
  },
  plan: (epoch) => sampler.plan(epoch),
  trained: (epoch) => sampler.trained?.(epoch),
  state: () => sampler.state(),
  restore: (state) => {
    sampler.restore(state);
  },
});
