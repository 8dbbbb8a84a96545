import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { find } from '../../../core/methods/command/metrics/found';
import { Measured } from '../../../core/methods/command/metrics/measured';
import type { Reading } from '../../../core/methods/command/metrics/readings';
import { SeriesNames } from '../../../core/methods/command/metrics/series-names';
import type { FileSource } from '../../../core/methods/command/config';
import { MetricFiles } from '../../../core/methods/command/metrics/sources';
import * as event from './event-files';

const jsonl = { from: 'jsonl', files: '**/*.jsonl' } as const;
const csv = { from: 'csv', files: '**/*.csv', delimiter: ',' } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'winnow-metrics-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const at = (...parts: string[]) => path.join(folder, ...parts);
const lines = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const losses = (...steps: number[]) => lines(...steps.map((step) => ({ step, loss: 1 / step })));

/** One attempt of a run in the folder `run`: what it records, as the run does. */
class Attempt {
  readonly measured = new Measured();
  readonly files: MetricFiles;
  readonly recorded: Reading[] = [];

  private constructor(source: FileSource, earlier?: Attempt) {
    for (const { step, values } of earlier?.recorded ?? []) this.measured.recall(step, values);
    const folders = [folder, at('run', 'output')];
    const list = async () => find([source.files], folders, { directories: false, without: at('run') });
    this.files = new MetricFiles(source, list, this.measured, at('run'));
  }

  static async begin(source: FileSource, earlier?: Attempt): Promise<Attempt> {
    await mkdir(at('run', 'output'), { recursive: true });
    const attempt = new Attempt(source, earlier);
    await attempt.files.begin();
    return attempt;
  }

  /** @returns steps and names that are new */
  async look(ended?: 'finished' | 'killed'): Promise<[number, ...string[]][]> {
    await this.files.look();
    const fresh = await this.files.read(ended);
    for (const reading of fresh) {
      this.measured.add(reading.step, reading.values);
      this.recorded.push(reading);
    }
    return fresh.map(({ step, values }) => [step, ...Object.keys(values)]);
  }
}

describe('files of metrics, as they grow', () => {
  it('a run that goes on records what it writes, at its steps, and nothing twice', async () => {
    const first = await Attempt.begin(jsonl);
    await writeFile(at('run', 'output', 'm.jsonl'), losses(1, 2, 3));
    assert.deepEqual(
      await first.look(),
      [1, 2, 3].map((step) => [step, 'loss']),
    );
    // Its worker is killed before it reads this; the last line is torn.
    await appendFile(at('run', 'output', 'm.jsonl'), `${losses(4, 5)}{"step":6,"lo`);

    const second = await Attempt.begin(jsonl, first);
    await appendFile(at('run', 'output', 'm.jsonl'), losses(3, 4, 5, 6));
    assert.deepEqual(
      await second.look('finished'),
      [4, 5, 3, 4, 5, 6].map((step) => [step, 'loss']),
    );
    assert.match(second.files.trouble().join(), /m\.jsonl: 1 line that is not a JSON object was left out \(line 6: /);
  });

  it('rows without steps are counted on when the run goes on', async () => {
    const first = await Attempt.begin(csv);
    await writeFile(at('run', 'output', 'm.csv'), 'loss\n3\n2\n');
    assert.deepEqual(await first.look('killed'), [
      [1, 'loss'],
      [2, 'loss'],
    ]);
    const second = await Attempt.begin(csv, first);
    await appendFile(at('run', 'output', 'm.csv'), '2\n1\n');
    assert.deepEqual(await second.look('finished'), [
      [3, 'loss'],
      [4, 'loss'],
    ]);
  });

  it('half a number of a program that was killed is not joined with what comes after it', async () => {
    const first = await Attempt.begin(csv);
    await writeFile(at('run', 'output', 'm.csv'), 'step,loss\n15,0.5\n1');
    assert.deepEqual(await first.look('killed'), [[15, 'loss']]);
    const second = await Attempt.begin(csv, first);
    await appendFile(at('run', 'output', 'm.csv'), '15,0.5\n16,0.4\n');
    assert.deepEqual(await second.look('finished'), [
      [15, 'loss'],
      [16, 'loss'],
    ]);
  });

  it('a file that is written anew gives what is new in it', async () => {
    const attempt = await Attempt.begin(jsonl);
    const rows = [1, 2, 3].map((step) => ({ step, loss: 1 / step, lr: 0.1 }));
    await writeFile(at('m.jsonl'), lines(...rows));
    assert.equal((await attempt.look()).length, 3);
    await writeFile(
      at('m.jsonl'),
      lines(
        { step: 1, loss: 9, lr: 0.1 },
        { ...rows[1], acc: 0 },
        rows[2]!,
        { step: 4, loss: 1, lr: 0.1 },
        { step: 2, loss: 7 },
      ),
    );
    assert.deepEqual(await attempt.look(), [
      [1, 'loss'],
      [2, 'acc'],
      [4, 'loss', 'lr'],
      [2, 'loss'],
    ]);
    // Replaced by another file, and shorter.
    await writeFile(at('n.tmp'), losses(8));
    await rename(at('n.tmp'), at('m.jsonl'));
    assert.deepEqual(await attempt.look('finished'), [[8, 'loss']]);
  });

  it('a file that is written anew beyond its beginning is not read from the middle of a line', async () => {
    const attempt = await Attempt.begin(csv);
    const head = `step,loss\n${'0,0.5\n'.repeat(1000)}`;
    await writeFile(at('m.csv'), `${head}1,0.25\n2,0.5\n`);
    assert.equal((await attempt.look()).length, 1002);
    await writeFile(at('m.csv'), `${head}1,0.125\n2,0.0625\n3,0.5\n`);
    await attempt.look();
    assert.deepEqual(
      attempt.recorded.slice(1002).map(({ step, values }) => [step, values.loss]),
      [
        [1, 0.125],
        [2, 0.0625],
        [3, 0.5],
      ],
    );
  });

  it('what an earlier run wrote is passed over; the same written once more is not', async () => {
    const content = losses(1, 2);
    await writeFile(at('m.jsonl'), content);
    const added = await Attempt.begin(jsonl);
    assert.deepEqual(await added.look(), []);
    assert.match(
      added.files.trouble().join(),
      /wrote no metrics into the files that match .*m\.jsonl had nothing that was not there before/,
    );
    await appendFile(at('m.jsonl'), losses(3));
    assert.deepEqual(await added.look('finished'), [[3, 'loss']]);
    assert.deepEqual(added.files.trouble(), []);

    const anew = await Attempt.begin(jsonl);
    await writeFile(at('m.jsonl'), content + losses(3));
    assert.deepEqual(
      await anew.look('finished'),
      [1, 2, 3].map((step) => [step, 'loss']),
    );
  });

  it('a file of many rows is read at once', async () => {
    const attempt = await Attempt.begin(csv);
    await writeFile(at('m.csv'), `step,loss\n${Array.from({ length: 300_000 }, (_, i) => `${i},0.5\n`).join('')}`);
    const found = await attempt.look('finished');
    assert.deepEqual([found.length, found.at(-1)], [300_000, [299_999, 'loss']]);
  });

  it('a pipe is no file', { skip: process.platform === 'win32' && 'Windows has no named pipes' }, async () => {
    assert.equal(spawnSync('mkfifo', [at('m.jsonl')]).status, 0);
    const attempt = await Attempt.begin(jsonl);
    assert.deepEqual(await attempt.look('finished'), []);
  });

  it('several event files of one folder are one series, at the steps of each', async () => {
    const attempt = await Attempt.begin({ from: 'tensorboard', files: '**/*tfevents*' });
    const file = (...steps: number[]) =>
      Buffer.concat(steps.map((step) => event.summary(step, event.simple('loss', step))));
    await mkdir(at('logs', 'validation'), { recursive: true });
    await writeFile(at('logs', 'events.out.tfevents.1'), file(0, 10, 20));
    await writeFile(at('logs', 'events.out.tfevents.2'), Buffer.concat([event.restart(10), file(10, 20, 30)]));
    await writeFile(at('logs', 'validation', 'events.out.tfevents.1'), file(15));
    assert.deepEqual(await attempt.look('finished'), [
      ...[0, 10, 20, 10, 20, 30].map((step) => [step, 'loss']),
      [15, 'validation/loss'],
    ]);
  });
});

describe('what a file does not give', () => {
  const said = async (source: FileSource, name: string, content: string | Buffer): Promise<string> => {
    const attempt = await Attempt.begin(source);
    await writeFile(at(name), content);
    await attempt.look('finished');
    return attempt.files.trouble().join('\n');
  };

  it('is said, with the file and what to do', async () => {
    assert.match(
      await said({ ...csv, files: 'none/*.csv' }, 'x.csv', ''),
      /^No file matches none\/\*\.csv, .*Correct "files"/,
    );
    assert.match(await said(csv, 'm.csv', 'step,loss\n'), /m\.csv: it has no rows/);
    assert.match(
      await said(csv, 'm.csv', 'name,note\na,b\n'),
      /m\.csv: no metrics were found in its rows\. They have name, note/,
    );
    assert.match(await said(csv, 'm.csv', 'step;loss\n1;2\n'), /m\.csv: .*Set "delimiter" to ";"/);
    assert.match(
      await said({ ...csv, stepKey: 'Update' }, 'm.csv', 'update_no,loss\n1,2\n'),
      /m\.csv: it has no "Update", which "stepKey" names.*It has update_no, loss/,
    );
    assert.match(
      await said(jsonl, 'm.jsonl', '{"step":-1,"loss":2}\n{"step":1,"loss":2}\n'),
      /m\.jsonl: 1 row was left out because "step" is not a whole number from 0 on \(line 1: -1\)/,
    );
    assert.match(
      await said({ from: 'tensorboard', files: '*.csv' }, 'm.csv', 'step,loss\n'),
      /m\.csv: it is not an event file/,
    );
    assert.equal(await said(jsonl, 'n.jsonl', losses(1)), '');
  });
});

describe('names of several files', () => {
  const namesOf = (...files: string[]) => {
    const names = new SeriesNames(folder, 'csv');
    return files.map((file) => names.of(file, file.split('/')));
  };

  it('the part of the data, or the file where it is not the first', () => {
    assert.deepEqual(namesOf('/metrics', '/validation', '/other', '/metrics', '/train'), [
      '',
      'validation/',
      'other/',
      '',
      'train/',
    ]);
  });

  it('two files never share a series', () => {
    assert.deepEqual(namesOf('/a/metrics', '/b/metrics', '/a/metrics', '/c/x', '/d/x', '/C/X'), [
      '',
      'b/metrics/',
      '',
      'x/',
      'd/x/',
      'C/X/',
    ]);
    assert.deepEqual(namesOf('/one/train', '/two/train', '/one/train'), ['train/', 'two/train/', 'train/']);
  });

  it('are what they were when the run goes on, in whatever order the files are found', async () => {
    const first = await Attempt.begin(jsonl);
    await writeFile(at('run', 'output', 'z.jsonl'), losses(1));
    assert.deepEqual(await first.look(), [[1, 'loss']]);
    await writeFile(at('run', 'output', 'a.jsonl'), losses(1));
    assert.deepEqual(await first.look('killed'), [[1, 'a/loss']]);
    const second = await Attempt.begin(jsonl, first);
    for (const name of ['a.jsonl', 'z.jsonl']) await appendFile(at('run', 'output', name), losses(2));
    assert.deepEqual(await second.look('finished'), [
      [2, 'a/loss'],
      [2, 'loss'],
    ]);
  });

  it('a file of the next attempt has those of the one that it goes on from', async () => {
    const logs = async (name: string, content: string) => {
      await mkdir(at('run', 'output', name), { recursive: true });
      await writeFile(at('run', 'output', name, 'metrics.jsonl'), content);
    };
    const first = await Attempt.begin(jsonl);
    await logs('version_0', losses(1));
    assert.deepEqual(await first.look('killed'), [[1, 'loss']]);
    const second = await Attempt.begin(jsonl, first);
    await logs('version_1', losses(2));
    assert.deepEqual(await second.look('finished'), [[2, 'loss']]);
  });

  it('an old file that grows and a new one are two series', async () => {
    await writeFile(at('a.jsonl'), losses(1));
    const attempt = await Attempt.begin(jsonl);
    await writeFile(at('b.jsonl'), losses(1));
    assert.deepEqual(await attempt.look(), [[1, 'loss']]);
    await appendFile(at('a.jsonl'), losses(2));
    assert.deepEqual(await attempt.look('finished'), [[2, 'a/loss']]);
  });
});
