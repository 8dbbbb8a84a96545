import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { sealed, unseal } from '../../../core/checksum';
import { panelView } from '../../../core/comparison/panel-view';
import { readResultsFile } from '../../../core/comparison/results-file';
import { formatAs, tableOf } from '../../../core/comparison/results-table';
import { seriesOf } from '../../../core/comparison/series';
import { madeModel } from '../../../core/methods/plrd/artifacts';
import { familyResults } from '../../../core/methods/plrd/results/results';
import { readResults } from '../../../core/methods/read-results';
import { results as schema, type NumberFormat, type Results } from '../../../core/protocol/results';
import { table } from '../../../core/table';

/** A run of this version. */
const RUN = path.resolve('test', 'fixtures', 'plrd-small');

describe('results.json', () => {
  it('is what the trials come to together', async () => {
    const results = (await readResults(RUN))!;
    const trials = await Promise.all(
      results.points.map(async ({ name, seeds }) => {
        const trial = unseal(await readFile(path.join(RUN, 'trials', `${name}.json`), 'utf8'));
        return { ...madeModel.parse(trial), seed: seeds[0]! };
      }),
    );
    assert.deepEqual(familyResults(trials, { blockLength: 128, match: 'seen' }), results);
  });

  it('is a table', async () => {
    const results = (await readResults(RUN))!;
    const { columns, rows } = tableOf(results);
    const lines = table(columns, rows, { wrapHeadings: true }).split('\n');
    assert.deepEqual(lines.slice(0, 5), [
      '                                                 next-        MC  train    gen',
      'model             params  linear   ranks    ppl  token  accuracy  tok/s  tok/s',
      'parent             5.48M  100.0%    full  32.80  34.3%     40.0%      –    122',
      'member-1-60pct     3.70M   59.9%  48–112  51.10  28.7%     20.0%   1407    153',
      'member-2-40pct     2.74M   38.1%   32–72  106.6  20.3%     30.0%   1618    128',
    ]);
    assert.ok(lines.every((line) => line.length <= 80));
    assert.match(results.notes[0]!, /^One size: the member against truncating once .* The progressive family wins\.\n/);
  });

  it('of an earlier version, whose drop from the baseline was "lost", is read under the key of today', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-lost-'));
    const metrics = [{ key: 'lost', label: 'Points lost', unit: '', better: 'lower', role: 'quality' }];
    const old = {
      ...{ version: 1, metrics, series: [{ name: 'a', title: 'A', role: 'member' }] },
      points: [{ name: 'one', series: 'a', seeds: [1, 2], values: { lost: 0.5 }, spread: { lost: 0.1 } }],
      ...{ table: { name: 'model', columns: ['lost'], legend: [] }, notes: [] },
    };
    for (const [details, key] of [
      [{}, 'accuracyDrop'],
      [{ metric: 'heldOut/matthews' }, 'matthewsDrop'],
    ] as const) {
      await writeFile(path.join(folder, 'results.json'), sealed({ ...old, details }));
      const now = schema.parse(await readResultsFile(folder));
      assert.deepEqual([now.metrics[0]!.key, now.table.columns], [key, [key]]);
      assert.deepEqual([now.points[0]!.values, now.points[0]!.spread], [{ [key]: 0.5 }, { [key]: 0.1 }]);
    }
    await rm(folder, { recursive: true });
  });

  it('is a view for panels, without what only tables have', async () => {
    const { axes, points } = panelView((await readResults(RUN))!, '/runs/a/checkpoints');
    assert.ok(!axes.some(({ key }) => key === 'choice'));
    assert.ok(points.every(({ values }) => !('choice' in values) && values['task:cloze']! > 0));
    assert.deepEqual(
      points.map(({ name, series, role, checkpoint }) => [name, series, role, checkpoint !== undefined]),
      [
        ['parent', 'Parent', 'baseline', false],
        ['member-1-60pct', 'Progressive family', 'member', true],
        ['member-2-40pct', 'Progressive family', 'member', true],
        ['truncation-60pct', 'Truncated, not trained', 'control', false],
        ['truncation-40pct', 'Truncated, not trained', 'control', false],
        ['one-shot-40pct', 'One shot, trained as long', 'control', true],
      ],
    );
    assert.equal(points[1]!.checkpoint, path.join('/runs/a/checkpoints', 'member-1-60pct'));
  });

  const minimal: Results = {
    version: 1,
    metrics: [
      { key: 'size', label: 'Size', unit: '', better: 'lower', role: 'cost' },
      { key: 'gain', label: 'Gain', unit: '%', better: 'higher', role: 'quality', toBaseline: true },
    ],
    series: [
      { name: 'a', title: 'A', role: 'baseline' },
      { name: 'b', title: 'B', role: 'member' },
    ],
    points: [
      { name: 'first', series: 'a', seeds: [1], values: { size: 1e6, gain: 0 } },
      { name: 'second', series: 'b', seeds: [], values: { size: 5e5 } },
    ],
    table: { name: 'model', columns: ['size', 'gain'], legend: [] },
    notes: [],
  };

  it('shows of a model whose trials are to come what is known of it, and draws it when it is evaluated', () => {
    assert.deepEqual(tableOf(minimal).rows, [
      ['first', '1M', '–'],
      ['second', '500K', '–'],
    ]);
    assert.deepEqual(
      panelView(minimal, '').points.map(({ name }) => name),
      ['first'],
    );
  });

  it('is refused where it speaks of what it does not name', () => {
    const refused = (change: Partial<Results>) => schema.safeParse({ ...minimal, ...change }).error?.issues[0]?.message;
    assert.equal(refused({}), undefined);
    assert.match(refused({ table: { ...minimal.table, columns: ['speed'] } })!, /no metric "speed"/);
    const [first, second] = minimal.points;
    assert.match(refused({ points: [first!, { ...second!, series: 'c' }] })!, /second has an unknown series "c"/);
    assert.match(refused({ points: [{ ...first!, values: { speed: 1 } }] })!, /value for an unknown metric "speed"/);
    assert.match(refused({ points: [{ ...first!, spread: { speed: 1 } }] })!, /value for an unknown metric "speed"/);
    assert.ok(!schema.safeParse({ ...minimal, version: 2 }).success);
  });

  it('keeps series apart that have one title and two roles', () => {
    const { series, nameOf } = seriesOf([
      { title: 'GQA', role: 'baseline' },
      { title: 'GQA', role: 'member' },
      { title: 'GQA', role: 'member' },
    ]);
    assert.deepEqual(series, [
      { name: 'GQA', title: 'GQA', role: 'baseline' },
      { name: 'GQA (member)', title: 'GQA', role: 'member' },
    ]);
    assert.equal(nameOf({ title: 'GQA', role: 'member' }), 'GQA (member)');
  });

  it('has numbers as their metrics say', () => {
    const cases: [number, NumberFormat, string][] = [
      [5_475_584, { as: 'fixed', digits: 2, per: 1e6, suffix: 'M' }, '5.48M'],
      [-0.36, { as: 'fixed', digits: 1, signed: true, suffix: '%' }, '−0.4%'],
      [0, { as: 'fixed', digits: 1, signed: true, suffix: '%' }, '+0.0%'],
      [95_820.4, { as: 'fixed', digits: 0, grouped: true }, '95,820'],
      [117.747712, { as: 'bytes', per: 1e-6 }, '117.7 MB'],
      [7_230_208, { as: 'count' }, '7.23M'],
      [33.9908, { as: 'perplexity' }, '33.99'],
      [214.83, { as: 'perplexity' }, '214.8'],
      [21_483, { as: 'perplexity' }, '21483'],
      [2.1e9, { as: 'perplexity' }, '2.1e+9'],
    ];
    for (const [value, format, expected] of cases) assert.equal(formatAs(value, format), expected);
  });
});
