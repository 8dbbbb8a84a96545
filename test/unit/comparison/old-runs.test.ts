import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { panelView } from '../../../core/comparison/panel-view';
import { tableOf } from '../../../core/comparison/results-table';
import { readResults } from '../../../core/methods/read-results';
import { results as schema } from '../../../core/protocol/results';
import { table } from '../../../core/table';

const FIXTURES = path.resolve('test', 'fixtures');

const Old = z.looseObject({
  trials: z.array(z.looseObject({ contender: z.string(), seed: z.number(), accuracy: z.number() })),
});

/** What Winnow showed of each run before there was `results.json`: written down by that version, to the last digit. */
interface Golden {
  readonly view: unknown;
  readonly table: readonly string[];
}

describe('runs of before there was results.json', () => {
  let golden: Readonly<Record<string, Golden>>;
  let folder: string;
  before(async () => {
    golden = JSON.parse(await readFile(path.join(FIXTURES, 'old-results.golden.json'), 'utf8')) as typeof golden;
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-old-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('show in panels and tables what they showed', async () => {
    assert.deepEqual(Object.keys(golden).sort(), [
      'gqkva-digits',
      'plrd-family',
      'skipvit-digits',
      'swiftlearn-digits',
      'swiftlearn-emails',
      'swiftlearn-small',
    ]);
    for (const [name, expected] of Object.entries(golden)) {
      const results = (await readResults(path.join(FIXTURES, name)))!;
      // What is read of an old file is what a new one could hold.
      assert.deepEqual(schema.parse(JSON.parse(JSON.stringify(results))), results, name);
      assert.deepEqual(JSON.parse(JSON.stringify(panelView(results, 'checkpoints'))), expected.view, name);
      const { columns, rows } = tableOf(results);
      const shown = [table(columns, rows), results.table.legend.join('\n'), ...results.notes].join('\n\n');
      assert.deepEqual(shown.split('\n'), expected.table, name);
    }
  });

  it('are read also where they say nothing of heads', async () => {
    const { points } = (await readResults(path.join(FIXTURES, 'skipvit-small')))!;
    assert.deepEqual(
      points.map(({ name, heads, seeds }) => [name, heads, seeds.length]),
      [
        ['none', undefined, 1],
        ['skip-1to5-55pct', undefined, 1],
        ['random-1to5-55pct', undefined, 1],
        ['fuse-1to5-55pct', undefined, 1],
      ],
    );
  });

  it('that are damaged, or of another version, are refused by name', async () => {
    const run = path.join(folder, 'family');
    await cp(path.join(FIXTURES, 'plrd-family'), run, { recursive: true });
    const file = path.join(run, 'artifacts', 'tradeoff.json');
    const text = await readFile(file, 'utf8');
    for (const broken of [text.slice(0, -30), text.replace('"version": 1', '"version": 9'), '[]', '{}']) {
      await writeFile(file, broken);
      await assert.rejects(readResults(run), { code: 'file.damaged', message: /artifacts\/tradeoff\.json/ }, broken);
    }
    await rm(file);
    assert.equal(await readResults(run), undefined);
    // The new file counts, whatever lies beside it.
    await writeFile(file, text);
    await writeFile(path.join(run, 'artifacts', 'results.json'), '{ "version": 1 }');
    await assert.rejects(readResults(run), { code: 'results.unreadable', message: /artifacts\/results\.json/ });
    await writeFile(path.join(run, 'artifacts', 'results.json'), '{ "version": 2 }');
    await assert.rejects(readResults(run), { code: 'results.newer', message: /artifacts\/results\.json/ });
  });

  it('are compared with their controls over the seeds that both have, while some are missing', async () => {
    const run = path.join(folder, 'unfinished');
    await cp(path.join(FIXTURES, 'skipvit-digits'), run, { recursive: true });
    const file = path.join(run, 'artifacts', 'tradeoff.json');
    const json = Old.parse(JSON.parse(await readFile(file, 'utf8')));
    const accuracyOf = (contender: string, seed: number) =>
      json.trials.find((trial) => trial.contender === contender && trial.seed === seed)!.accuracy;
    const [own, control] = ['skip-2to5-55pct', 'random-2to5-55pct'];
    const trials = json.trials.filter(({ contender, seed }) => contender !== control || seed === 0);
    await writeFile(file, JSON.stringify({ ...json, trials }));
    const ahead = 100 * (accuracyOf(own, 0) - accuracyOf(control, 0));
    const note = (await readResults(run))!.notes.find((text) => text.includes(control))!;
    assert.ok(note.includes(` ${Math.abs(ahead).toFixed(2)} points ${ahead > 0 ? 'better' : 'worse'}`), note);
  });
});
