import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { oracleOf, withOracle } from '../../../core/methods/swiftlearn/oracle';
import { selectionResults, type SelectionComparison } from '../../../core/methods/swiftlearn/results';
import { variantsOf } from '../../../core/methods/swiftlearn/variants';

const SAMPLES = { size: 1000, outputs: 2, classes: ['ham', 'spam'] };
const listed = (settings: object, samples: Parameters<typeof variantsOf>[1] = SAMPLES) =>
  variantsOf(SwiftLearnConfig.parse({ texts: {}, ...settings }), samples);
const names = (settings: object) => listed(settings).map(({ name }) => name);
const refusal = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

describe('what a run compares', () => {
  it('is all data, each share, score and choice, and controls that cost as much', () => {
    assert.deepEqual(
      names({ epochs: 20, warmupEpochs: 2, finalEpochs: 2, scoring: 'training', choices: ['highest', 'drawn'] }),
      // With scores for free, chance in as many epochs costs as much.
      ['full', 'el2n-10pct', 'el2n-drawn-10pct', 'full-5.6-epochs', 'random-10pct', 'infobatch', 'infobatch-8-epochs'],
    );
    assert.deepEqual(names({ epochs: 20, warmupEpochs: 2, controls: ['fewer-epochs', 'random-longer'] }), [
      'full',
      'el2n-10pct',
      'full-4.1-epochs',
      'random-10pct-23-epochs',
    ]);
  });

  it('has controls for each cost that a member has', () => {
    const scores = { scores: ['el2n', 'change'], warmupEpochs: 2, controls: ['fewer-epochs'] };
    // Scores that compare passes need one more.
    assert.deepEqual(names(scores), ['full', 'el2n-10pct', 'change-10pct', 'full-3.1-epochs', 'full-3.5-epochs']);
  });

  it('draws others by chance in each epoch', () => {
    const random = listed({ controls: ['random'] })
      .find(({ name }) => name === 'random-10pct')!
      .sampler(1);
    const epochs = Array.from({ length: 3 }, (_, epoch) => [...random.plan(epoch).samples]);
    assert.deepEqual(
      epochs.map(({ length }) => length),
      [1000, 100, 100],
    );
    assert.notDeepEqual(epochs[1], epochs[2]);
  });

  it('leaves InfoBatch away where it would leave nothing out', () => {
    assert.deepEqual(names({ epochs: 5, controls: ['infobatch-shorter'] }), ['full', 'el2n-10pct']);
  });

  it('has the usual remedies against wrong labels as controls, where labels are classes', () => {
    const settings = { controls: ['best-epoch', 'label-smoothing', 'robust-loss'] };
    // The oracle is not trained.
    assert.deepEqual(names(settings), ['full', 'el2n-10pct', 'label-smoothing', 'robust-loss']);
    const remedies = listed(settings).flatMap(({ remedy }) => remedy ?? []);
    assert.deepEqual(remedies, [
      { kind: 'label-smoothing', share: 0.1 },
      { kind: 'robust-loss', q: 0.7 },
    ]);
    const numbers = { size: 1000, outputs: 1, classes: [] };
    assert.throws(() => listed({ controls: ['robust-loss'] }, numbers), refusal('swiftlearn.controls'));
    assert.equal(listed({ controls: ['best-epoch'] }, numbers).length, 2);
  });

  it('leaves out what looks wrong by default, and as much as a number says in specs that have one', () => {
    const parsed = (settings: object) => SwiftLearnConfig.parse({ texts: {}, ...settings }).skipHardest;
    assert.equal(parsed({}), 'auto');
    for (const skipHardest of [0, 0.2]) assert.equal(parsed({ skipHardest }), skipHardest);
    assert.throws(() => parsed({ skipHardest: 0.6 }));
  });

  it('refuses what has no meaning, with what to do', () => {
    for (const [settings, code] of [
      [{ epochs: 4, warmupEpochs: 2, finalEpochs: 2 }, 'swiftlearn.warmup'],
      [{ scores: ['forgetting'] }, 'swiftlearn.passes'],
      [{ scores: ['forgetting'], warmupEpochs: 2, choices: ['drawn'] }, 'swiftlearn.choices'],
      [{ texts: undefined, images: { augment: { mixup: 0.2 } }, scoring: 'training' }, 'swiftlearn.mixed'],
    ] as const)
      assert.throws(() => listed(settings), refusal(code), code);
    const numbers = { size: 1000, outputs: 1, classes: [] };
    assert.throws(() => listed({ scores: ['forgetting'], warmupEpochs: 2 }, numbers), refusal('swiftlearn.scores'));
    assert.ok(listed({ scores: ['change'], warmupEpochs: 2 }, numbers).length > 2);
  });
});

describe('what the controls say', () => {
  const comparison = (results: Readonly<Record<string, readonly [accuracy: number, work: number]>>) =>
    ({
      facts: {
        metric: 'heldOut/accuracy',
        data: 'texts',
        parameters: 1,
        flopsPerSample: 1,
        trainSamples: 1000,
        heldOutSamples: 100,
      },
      variants: Object.keys(results).map((name) => ({
        name,
        series: name,
        role: name === 'full' ? 'baseline' : name.startsWith('el2n') ? 'member' : 'control',
        description: '',
        keep: name.startsWith('el2n') ? 0.1 : 1,
        epochs: 1,
      })),
      trials: Object.entries(results).map(([variant, [accuracy, work]]) => ({
        variant,
        seed: 0,
        steps: 1,
        waitingShare: 0,
        curve: [
          { epoch: 1, step: 1, trained: work, scored: 0, work, seconds: 1, metrics: { 'heldOut/accuracy': accuracy } },
        ],
      })),
    }) satisfies SelectionComparison;
  const note = (results: Parameters<typeof comparison>[0]) => selectionResults(comparison(results)).notes.at(-1);

  it('is said plainly, whoever wins', () => {
    const full = [0.98, 1000] as const;
    assert.equal(
      note({ full, 'el2n-10pct': [0.97, 300], fewer: [0.96, 310] }),
      'el2n-10pct is better than every control that costs about as much, by 1.00 points than fewer.',
    );
    assert.equal(
      note({ full, 'el2n-10pct': [0.95, 300], fewer: [0.96, 310] }),
      'fewer, which costs about as much, is 1.00 points better than el2n-10pct.',
    );
  });

  it('is said to be nothing where seeds differ more', () => {
    const one = comparison({ full: [0.98, 1000], 'el2n-10pct': [0.96, 300], fewer: [0.95, 300] });
    const another = comparison({ full: [0.98, 1000], 'el2n-10pct': [0.95, 300], fewer: [0.955, 300] });
    const trials = [...one.trials, ...another.trials.map((trial) => ({ ...trial, seed: 1 }))];
    assert.equal(
      selectionResults({ ...one, trials }).notes.at(-1),
      'el2n-10pct and the best control that costs about as much, fewer, differ less than seeds do (by 0.25 points).',
    );
  });

  it('is not said of the oracle, which ends where all data was best', () => {
    const { variants, trials, ...rest } = comparison({
      full: [0.78, 1000],
      'el2n-10pct': [0.93, 300],
      fewer: [0.8, 300],
    });
    const [full] = trials;
    const early = { ...full!.curve[0]!, step: 0, work: 200, metrics: { 'heldOut/accuracy': 0.94 } };
    const whole = [{ ...full!, curve: [early, ...full!.curve] }, ...trials.slice(1)];
    const all = [...variants, ...oracleOf(SwiftLearnConfig.parse({ controls: ['best-epoch'] }))];
    const results = selectionResults({
      ...rest,
      variants: all,
      trials: withOracle(whole, all, 'heldOut/accuracy'),
    });
    const oracle = results.points.find(({ name }) => name === 'full-best-epoch')!;
    assert.deepEqual([oracle.values['heldOut/accuracy'], oracle.values.work], [94, 200]);
    assert.deepEqual(results.notes, [
      'el2n-10pct is better than every control that costs about as much, by 13.00 points than fewer.',
      'el2n-10pct is 1.00 points worse than all data stopped at its best epoch, which only the held-out samples tell (an oracle).',
    ]);
  });

  it('comes with how many labels look wrong, beside the truth where that is known', () => {
    const { trials, ...rest } = comparison({ full: [0.78, 1000], 'el2n-10pct': [0.93, 300] });
    const wrong = { share: 0.19, low: 0.15, high: 0.22, listed: 190 };
    const noteWith = (found: object) =>
      selectionResults({
        ...rest,
        trials: trials.map((trial) => (trial.variant === 'full' ? trial : { ...trial, wrong: { ...wrong, ...found } })),
      }).notes.at(-1);
    assert.equal(noteWith({}), 'el2n-10pct: about 19.0 % of the labels look wrong (15.0 to 22.0 %).');
    assert.equal(
      noteWith({ truth: { share: 0.2, precision: 0.92, recall: 0.87 } }),
      'el2n-10pct: about 19.0 % of the labels look wrong (15.0 to 22.0 %); 20.0 % were made wrong. Of the listed samples 92.0 % are wrong, and 87.0 % of the wrong ones are listed.',
    );
    const none = { share: 0.01, listed: 0 };
    assert.equal(noteWith(none), 'el2n-10pct: no labels look wrong (at most 22.0 %).');
    // Precision and recall of nothing are not numbers to tell.
    assert.equal(
      noteWith({ ...none, truth: { share: 0, precision: 1, recall: 1 } }),
      'el2n-10pct: no labels look wrong (at most 22.0 %); none were made wrong.',
    );
    assert.equal(
      noteWith({ ...none, truth: { share: 0.01, precision: 1, recall: 0 } }),
      'el2n-10pct: no labels look wrong (at most 22.0 %); 1.0 % were made wrong.',
    );
  });

  it('is said of one that costs a little more as well', () => {
    assert.equal(
      note({
        full: [0.98, 1000],
        'el2n-10pct': [0.96, 300],
        fewer: [0.95, 300],
        infobatch: [0.975, 360],
        long: [0.98, 600],
      }),
      'el2n-10pct is better than every control that costs about as much, by 1.00 points than fewer; infobatch, at 1.20 times its cost, is 1.50 points better.',
    );
  });
});
