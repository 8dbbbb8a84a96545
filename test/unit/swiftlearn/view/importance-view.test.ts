import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from '../../../fast-check';
import { UserError } from '../../../../core/errors';
import { barsOf, histogramOf, scoreRange, truthOf } from '../../../../core/methods/swiftlearn/view/histogram';
import { inOrder } from '../../../../core/methods/swiftlearn/view/order';
import { stateOf, type Pass } from '../../../../core/methods/swiftlearn/view/pass';
import { selectSamples } from '../../../../core/methods/swiftlearn/view/select';
import { exportSamples } from '../../../../core/methods/swiftlearn/view/export';
import { openImportance } from '../../../../core/methods/swiftlearn/view/view';
import {
  barEdge,
  listsOf,
  sampleLists,
  sampleStates,
  truthSentence,
  wrongSentence,
  type SampleQuery,
} from '../../../../core/protocol/importance';
import { Random } from '../../../../core/random';
import { DOCUMENTS, writeLanguageRun } from '../language-run';
import { writeTextRun, WRONG } from '../text-run';

const FIXTURE = path.resolve('test', 'fixtures', 'swiftlearn-small');
const CLASSES = 3;

const float = fc.float({ noNaN: true, min: -2, max: 8 });
const sampleOf = fc.record({
  score: fc.oneof({ weight: 9, arbitrary: float }, fc.constant(NaN), fc.constantFrom(0, 1)),
  kept: fc.constantFrom(0, 1),
  before: fc.constantFrom(0, 1),
  label: fc.nat(CLASSES - 1),
  predicted: fc.nat(CLASSES - 1),
  suspicion: fc.float({ noNaN: true, min: -1, max: 1 }),
  forgotten: fc.nat(3),
  flagged: fc.boolean(),
});
type Sample = typeof sampleOf extends fc.Arbitrary<infer S> ? S : never;

function arraysOf(samples: readonly Sample[], first = false) {
  const column = (key: 'score' | 'predicted' | 'suspicion' | 'label') => Float32Array.from(samples, (one) => one[key]);
  const pass: Pass = {
    epoch: 3,
    scores: column('score'),
    kept: Uint8Array.from(samples, ({ kept }) => kept),
    before: first ? undefined : Uint8Array.from(samples, ({ before }) => before),
    opinions: {
      labels: column('label'),
      predicted: column('predicted'),
      confidence: new Float32Array(samples.length),
      suspicion: column('suspicion'),
      forgotten: Uint8Array.from(samples, ({ forgotten }) => forgotten),
    },
  };
  const flagged = new Set(samples.flatMap((one, index) => (one.flagged ? [index] : [])));
  return { pass, flagged, classes: true };
}

const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0);

describe('the order of samples', () => {
  it('is that of a plain sort, what is no number last, equals as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.float()), fc.boolean(), (values, largestFirst) => {
        const samples = Uint32Array.from(values.keys());
        const naive = [...values.keys()].sort((a, b) => {
          const [x, y] = [values[a]!, values[b]!];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
          return x === y ? 0 : x < y === largestFirst ? 1 : -1;
        });
        assert.deepEqual([...inOrder(samples, values, largestFirst)], naive);
        assert.deepEqual(samples, Uint32Array.from(values.keys()));
      }),
    );
  });
});

describe('bars of scores', () => {
  it('count what a count by hand counts, and hold what is asked for between their edges', () => {
    fc.assert(
      fc.property(
        fc.array(sampleOf, { minLength: 1 }),
        fc.integer({ min: 1, max: 12 }),
        fc.option(fc.nat(CLASSES - 1), { nil: undefined }),
        fc.boolean(),
        fc.constantFrom('linear', 'log'),
        (samples, bins, label, first, scale) => {
          const of = arraysOf(samples, first);
          // Flags stand for any set of samples that look wrong.
          const listed = Uint32Array.from(of.flagged);
          const range = barsOf([scoreRange(of.pass.scores, 'loss')], 'loss', scale);
          const opinions = { ...of.pass.opinions!, wrong: listed };
          const bars = histogramOf({ ...of.pass, opinions }, range, bins, label);
          const mine = samples.filter((one) => label === undefined || one.label === label);
          assert.equal(bars.unscored, mine.filter(({ score }) => Number.isNaN(score)).length);
          for (const state of sampleStates)
            for (let bar = 0; bar < bins; bar++) {
              const from = barEdge(range, bins, bar);
              const to = bar === bins - 1 ? undefined : barEdge(range, bins, bar + 1);
              const query: SampleQuery = { epoch: 3, list: 'important', state, label, range: { from, to } };
              assert.equal(bars.counts[state][bar], selectSamples(of, query).length);
              assert.equal(bars.wrong![state][bar], selectSamples(of, { ...query, flagged: true }).length);
            }
          assert.equal(sum(sampleStates.flatMap((state) => bars.counts[state])) + bars.unscored, mine.length);
        },
      ),
    );
  });

  it('reach as far as nearly all scores; the few far above are in the last', () => {
    const scores = Float32Array.from({ length: 10_000 }, (_, i) => (i < 5 ? 1e6 : i / 10_000));
    const range = scoreRange(scores, 'loss');
    assert.ok(range.open && range.to < 1 && range.to > 0.98, JSON.stringify(range));
    const linear = { scale: 'linear', from: 0 };
    const forgotten = scoreRange(Float32Array.of(0, 1, 2, 256.5, 256.2), 'forgetting');
    assert.deepEqual(barsOf([forgotten], 'forgetting'), { ...linear, to: 2, open: true });
    assert.deepEqual(barsOf([scoreRange(Float32Array.of(NaN, NaN), 'el2n')], 'el2n'), {
      ...linear,
      to: 1,
      open: false,
    });
  });

  it('go by decades where nearly all scores of the last choice would be in one bar, or where it is asked for', () => {
    const early = scoreRange(
      Float32Array.from({ length: 1000 }, (_, i) => i / 1000),
      'el2n',
    );
    const late = scoreRange(
      Float32Array.from({ length: 1000 }, (_, i) => (i === 0 ? 0 : 10 ** (-4 + i / 500))),
      'el2n',
    );
    assert.equal(barsOf([late, early], 'el2n').scale, 'linear');
    assert.equal(barsOf([early, late], 'el2n', 'linear').scale, 'linear');
    const { scale, from, to } = barsOf([early, late], 'el2n');
    assert.deepEqual([scale, to], ['log', Math.fround(0.999)]);
    assert.ok(Math.abs(from / 10 ** (-4 + 1 / 500) - 1) < 1e-6, String(from));
    // Nothing that is told from zero has a logarithm, counts have none that says anything, and zeros alone have none at all.
    const below = scoreRange(Float32Array.of(-1, 0.5), 'change');
    const zeros = scoreRange(Float32Array.of(0, 0), 'el2n');
    for (const bars of [
      barsOf([below], 'change', 'log'),
      barsOf([zeros], 'el2n', 'log'),
      barsOf([late], 'forgetting', 'log'),
    ])
      assert.equal(bars.scale, 'linear');
  });

  it('of a million samples are whole, and so are their lists', () => {
    const size = 1_000_000;
    const random = new Random(1);
    const uniform = () => Float32Array.from({ length: size }, () => random.uniform());
    const scores = uniform();
    const kept = Uint8Array.from(scores, (score) => (score > 0.9 ? 1 : 0));
    const labels = new Float32Array(size);
    const pass: Pass = {
      ...{ epoch: 1, scores, kept, before: undefined },
      opinions: {
        ...{ labels, predicted: labels, confidence: scores },
        suspicion: uniform().map((value) => value - 0.99),
        forgotten: new Uint8Array(size),
      },
    };
    const bars = histogramOf(pass, barsOf([scoreRange(scores, 'el2n')], 'el2n'), 40);
    assert.equal(sum(bars.counts.kept) + sum(bars.counts.dropped), size);
    const of = { pass, classes: true, flagged: new Set<number>() };
    const all = selectSamples(of, { epoch: 1, list: 'important' });
    assert.equal(all.length, size);
    for (let i = 1; i < size; i++) if (scores[all[i]!]! > scores[all[i - 1]!]!) assert.fail(`out of order at ${i}`);
    assert.ok(selectSamples(of, { epoch: 1, list: 'mislabeled' }).length < 20_000);
  });
});

describe('samples that look wrong', () => {
  it('are the list of likely mislabeled, in the order of the estimate, within all filters', () => {
    fc.assert(
      fc.property(fc.array(sampleOf), fc.option(fc.nat(CLASSES - 1), { nil: undefined }), (samples, label) => {
        const of = arraysOf(samples);
        const wrong = Uint32Array.from([...of.flagged].reverse());
        const pass = { ...of.pass, opinions: { ...of.pass.opinions!, wrong } };
        const chosen = selectSamples({ ...of, pass }, { epoch: 3, list: 'mislabeled', label });
        const expected = [...wrong].filter((sample) => label === undefined || samples[sample]!.label === label);
        assert.deepEqual([...chosen], expected);
      }),
    );
  });

  it('are held against the true labels where these are known', () => {
    const opinions = {
      ...arraysOf([]).pass.opinions!,
      labels: Float32Array.of(0, 1, 2, 0, 1),
      trueLabels: Float32Array.of(0, 2, 0, 1, 1),
      wrong: Uint32Array.of(3, 4, 1),
    };
    assert.deepEqual(truthOf({ opinions }), { listed: 3, wrong: 3, found: 2 });
    assert.equal(truthOf({ opinions: { ...opinions, trueLabels: undefined } }), undefined);
    assert.equal(truthOf({ opinions: undefined }), undefined);
  });

  it('are told in a sentence with the precision that the share needs', () => {
    assert.equal(
      wrongSentence({ share: 0.193, low: 0.148, high: 0.2341, listed: 906 }),
      'About 19% of the labels look wrong (15 to 23%): 906 samples are listed.',
    );
    assert.equal(
      wrongSentence({ share: 0.0212, low: 0.0048, high: 0.031, listed: 1 }),
      'About 2.1% of the labels look wrong (0.5 to 3.1%): 1 sample is listed.',
    );
    assert.equal(
      wrongSentence({ share: 0.004, low: 0, high: 0.012, listed: 0 }),
      'No label looks wrong; 0 to 1.2% of them may be.',
    );
    assert.equal(
      truthSentence({ listed: 1000, wrong: 1040, found: 905 }),
      '1,040 labels were made wrong for this experiment. Precision of the list: 91%; recall: 87%.',
    );
    assert.equal(truthSentence({ listed: 0, wrong: 0, found: 0 }), undefined);
  });
});

describe('lists of samples', () => {
  const queryOf = fc.record({
    list: fc.constantFrom(...sampleLists),
    state: fc.option(fc.constantFrom(...sampleStates), { nil: undefined }),
    label: fc.option(fc.nat(CLASSES - 1), { nil: undefined }),
    wrong: fc.boolean(),
    flagged: fc.boolean(),
    range: fc.option(fc.record({ from: float, to: fc.option(float, { nil: undefined }) }), { nil: undefined }),
  });

  it('are those of a filter and a sort by hand', () => {
    fc.assert(
      fc.property(fc.array(sampleOf), queryOf, fc.boolean(), (samples, query, first) => {
        const of = arraysOf(samples, first);
        const wrong = (one: Sample) => one.label !== one.predicted;
        const low = (score: number) => (Number.isNaN(score) ? -Infinity : score);
        const high = (score: number) => (Number.isNaN(score) ? Infinity : score);
        // Zero first, whatever its sign.
        const by: Record<SampleQuery['list'], (a: Sample, b: Sample) => number> = {
          important: (a, b) => (low(a.score) === low(b.score) ? 0 : low(b.score) - low(a.score)),
          least: (a, b) => (high(a.score) === high(b.score) ? 0 : high(a.score) - high(b.score)),
          forgotten: (a, b) => b.forgotten - a.forgotten || by.important(a, b),
          mislabeled: (a, b) => Number(wrong(b)) - Number(wrong(a)) || b.suspicion - a.suspicion,
        };
        const expected = [...samples.entries()]
          .filter(
            ([index, one]) =>
              (query.label === undefined || one.label === query.label) &&
              (query.state === undefined || stateOf(of.pass, index) === query.state) &&
              (!query.wrong || wrong(one)) &&
              (!query.flagged || one.flagged) &&
              (!query.range ||
                (one.score >= query.range.from && (query.range.to === undefined || one.score < query.range.to))) &&
              (query.list !== 'mislabeled' || wrong(one) || one.suspicion > 0) &&
              (query.list !== 'forgotten' || one.forgotten > 0),
          )
          .sort(([, a], [, b]) => by[query.list](a, b))
          .map(([index]) => index);
        assert.deepEqual([...selectSamples(of, { epoch: 3, ...query })], expected);
      }),
    );
  });
});

describe('the view of a run', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-view-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const page = { offset: 0, count: 5 };

  it('gives pictures of a real run, counts as the run says, and goes on where the list was', async () => {
    const dir = path.join(folder, 'images');
    await cp(FIXTURE, dir, { recursive: true });
    const view = await openImportance(dir);
    const { passes, samples } = await view.refresh();
    for (const { epoch, kept, returned } of passes) {
      const { counts, unscored } = await view.histogram({ epoch });
      assert.equal(sum(counts.kept) + sum(counts.returned), kept);
      assert.equal(sum(counts.returned), returned);
      assert.equal(sum(counts.dropped) + kept + unscored, samples);
    }
    const query = { epoch: passes.at(-1)!.epoch, list: 'important' } as const;
    const first = await view.samples({ ...query, ...page });
    assert.equal(first.total, samples);
    assert.equal(first.note, undefined);
    assert.match(first.rows[0]!.picture!, /^data:image\/png;base64,/);
    const second = await view.samples({ ...query, offset: 4, count: 1 });
    assert.deepEqual(second.rows[0], first.rows[4]);
    await assert.rejects(view.samples({ ...query, epoch: 99, ...page }), { code: 'importance.no-pass' });
  });

  it('finds the texts whose labels are wrong, searches, flags and saves them', async () => {
    const dir = await writeTextRun(path.join(folder, 'texts'));
    const view = await openImportance(dir);
    const query = { epoch: 5, list: 'mislabeled' } as const;
    const { rows, total } = await view.samples({ ...query, offset: 0, count: 500 });
    assert.ok(total >= 8, String(total));
    for (const { text, opinion } of rows) {
      assert.notEqual(opinion!.label, opinion!.predicted);
      assert.equal(Number(/number (\d+)/.exec(text!)![1]) % WRONG, 7);
    }
    const number = /number \d+ /.exec(rows[0]!.text!)![0];
    const found = await view.samples({ epoch: 5, list: 'least', search: number.toUpperCase(), ...page });
    const sample = found.rows[0]!;
    assert.equal(found.total, 1);
    assert.equal(await view.flag([sample.index, 1e9], true), 1);
    const flagged = { epoch: 5, list: 'important', flagged: true } as const;
    assert.deepEqual((await view.samples({ ...flagged, ...page })).rows[0]!.index, sample.index);
    // Another window sees it.
    assert.equal((await (await openImportance(dir)).refresh()).flagged, 1);
    const file = path.join(folder, 'flagged.jsonl');
    assert.equal(await exportSamples(view, flagged, file), 1);
    const line = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    assert.equal(line.text, sample.text);
    assert.ok(line.label === 'spam' || line.label === 'ham');
    assert.equal(await view.flag([sample.index], false), 0);
  });

  it('goes without texts that are gone or have changed, and says why', async () => {
    const dir = await writeTextRun(path.join(folder, 'gone'));
    const mails = path.join(dir, 'mails.csv');
    const text = await readFile(mails, 'utf8');
    await rm(mails);
    const view = await openImportance(dir);
    const query = { epoch: 5, list: 'important', ...page } as const;
    const without = await view.samples(query);
    assert.match(without.note!, /cannot be shown: .*mails\.csv/);
    assert.equal(without.rows[0]!.text, undefined);
    assert.ok(without.rows[0]!.score > 0);
    await writeFile(mails, text.replaceAll(',spam', ',junk'));
    await view.refresh();
    // Other names, in another order: other numbers.
    assert.match((await view.samples(query)).note!, /has changed/);
    await writeFile(mails, text);
    await view.refresh();
    assert.equal((await view.samples(query)).note, undefined);
  });

  it('shows blocks of text with the documents that they come from, and has no lists about labels', async () => {
    const dir = await writeLanguageRun(path.join(folder, 'blocks'));
    const view = await openImportance(dir);
    const overview = await view.refresh();
    assert.deepEqual(listsOf(overview), ['important', 'least']);
    const all = { epoch: 3, list: 'important' } as const;
    const { rows, total, note } = await view.samples({ ...all, offset: 0, count: 500 });
    assert.deepEqual([note, total], [undefined, overview.samples]);
    // Side by side again, the blocks are the documents, but for where one document ends and the next begins.
    const inOrder = rows.toSorted((a, b) => a.index - b.index);
    const whole = inOrder.map(({ text }) => text).join('');
    for (const { name, text, opinion } of inOrder) {
      assert.equal(opinion, undefined);
      const [, first, token, last = first] = /^(\S+\.txt), token (\d+)(?: to (\S+))?$/.exec(name!)!;
      const [beginning, ...others] = text!.split('\n\n');
      assert.ok(DOCUMENTS[first!]!.includes(beginning!), name);
      assert.ok(DOCUMENTS[last!]!.startsWith(others.at(-1) ?? ''), name);
      if (token === '0') assert.ok(DOCUMENTS[first!]!.startsWith(beginning!), name);
    }
    const trained = Object.values(DOCUMENTS).filter((text) => whole.includes(text.slice(30, 300)));
    assert.ok(trained.length >= 3, String(trained.length));
    const found = await view.samples({ ...all, search: '2-LIBRARY', offset: 0, count: 500 });
    assert.ok(found.rows.every(({ name }) => name!.includes('2-library.txt')));
    for (const about of [{ list: 'mislabeled' }, { list: 'forgotten' }, { wrong: true }, { label: 0 }] as const)
      await assert.rejects(view.samples({ ...all, ...about, ...page }), { code: 'importance.no-labels' });
    const sums = await view.histogram({ epoch: 3 });
    assert.equal(sum(sampleStates.flatMap((state) => sums.counts[state])), total);
    for await (const line of view.lines(all, undefined, 1))
      assert.deepEqual(Object.keys(JSON.parse(line) as object).toSorted(), [
        'epoch',
        'flagged',
        'index',
        'name',
        'score',
        'state',
        'text',
      ]);
    await writeFile(path.join(dir, 'corpus', '1-market.txt'), 'Something else.');
    assert.match((await (await openImportance(dir)).samples({ ...all, ...page })).note!, /has changed/);
  });

  it('says it when a run has chosen nothing, and when its list cannot be read', async () => {
    await assert.rejects(openImportance(path.join(folder, 'nowhere')), { code: 'importance.none' });
    const dir = path.join(folder, 'broken');
    await cp(FIXTURE, dir, { recursive: true });
    await writeFile(path.join(dir, 'artifacts', 'importance.json'), '{');
    await assert.rejects(
      openImportance(dir),
      (error) => error instanceof UserError && error.code === 'importance.unreadable',
    );
  });
});
