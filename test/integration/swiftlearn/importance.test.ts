import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { Inspector } from '../../../core/inspection/client';
import { writeLanguageRun } from '../../unit/swiftlearn/language-run';
import { writeTextRun } from '../../unit/swiftlearn/text-run';

const CLI = path.resolve('dist', 'cli.js');

let folder = '';
let runs = '';
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-importance-'));
  runs = path.join(folder, 'runs');
  await cp(path.resolve('test', 'fixtures', 'swiftlearn-small'), path.join(runs, 'digits'), { recursive: true });
  await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(runs, 'family'), { recursive: true });
  await writeTextRun(path.join(runs, 'mails'));
  await writeTextRun(path.join(runs, 'noisy'), { labelNoise: { share: 0.19 } });
  await writeLanguageRun(path.join(runs, 'blocks'));
});
after(() => rm(folder, { recursive: true, force: true }));

describe('winnow importance', () => {
  const importance = (...args: string[]) =>
    spawnSync(process.execPath, [CLI, 'importance', ...args, '--runs-dir', runs], { encoding: 'utf8' });
  const Line = z.object({
    index: z.number(),
    label: z.string(),
    predicted: z.string(),
    score: z.number(),
    suspicion: z.number(),
    text: z.string().optional(),
  });
  const lines = (stdout: string) => stdout.split('\n').flatMap((line) => (line ? [Line.parse(JSON.parse(line))] : []));

  it('says how many labels look wrong, and copies the data without them', async () => {
    const shown = importance('noisy', '--list', 'mislabeled', '--count', '3');
    assert.equal(shown.status, 0, shown.stderr);
    const listed = Number(
      /About \d+% of the labels look wrong \(\d+ to \d+%\): (\d+) samples are listed\./.exec(shown.stdout)![1],
    );
    assert.match(
      shown.stdout,
      /labels were made wrong for this experiment\. Precision of the list: \d+%; recall: \d+%\./,
    );
    const all = importance('noisy', '--list', 'mislabeled', '--json', '--count', '0');
    assert.equal(lines(all.stdout).length, listed);

    const target = path.join(folder, 'clean.jsonl');
    const copied = importance('noisy', '--list', 'mislabeled', '--cleaned', target, '--json');
    assert.equal(copied.status, 0, copied.stderr);
    const Copy = z.object({ file: z.string(), kept: z.number(), leftOut: z.number(), spec: z.string().optional() });
    assert.deepEqual(Copy.parse(JSON.parse(copied.stdout)), { file: target, kept: 480 - listed, leftOut: listed });
    // With the 120 samples that were held out.
    assert.equal((await readFile(target, 'utf8')).trim().split('\n').length, 600 - listed);

    const again = importance('mails', '--list', 'mislabeled', '--count', '5', '--again');
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stdout, /475 training samples, without 5\n.*mails-cleaned\.winnow\.json trains on it/);
    const spec = path.join(runs, 'mails', 'mails-cleaned.winnow.json');
    const planned = spawnSync(process.execPath, [CLI, 'plan', spec], { encoding: 'utf8' });
    assert.equal(planned.status, 0, planned.stderr);

    for (const [args, why] of [
      [['--cleaned', target, '--flagged'], /already exists/],
      [['--cleaned', path.join(folder, 'x.csv')], /not said which samples/],
      [['--cleaned', path.join(folder, 'x.csv'), '--flagged'], /no samples to leave out/],
    ] as const) {
      const refused = importance('noisy', ...args);
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, why);
    }
    const old = importance('digits', '--list', 'mislabeled', '--cleaned', path.join(folder, 'x'));
    assert.match(old.stderr, /no estimate of how many labels are wrong/);
  });

  it('lists samples as a table under the choices of the run', () => {
    const { status, stdout, stderr } = importance('mails', '--list', 'mislabeled', '--count', '3');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /after epochs +min score +kept +returned/);
    assert.match(stdout, /\d+ samples, the first 3/);
    assert.equal(stdout.match(/Message number/g)?.length, 3);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });

  it('prints an object a line for scripts, in order, of a class', () => {
    const { status, stdout, stderr } = importance('mails', '--class', 'spam', '--count', '0', '--json');
    assert.equal(status, 0, stderr);
    const found = lines(stdout);
    assert.ok(found.length > 100);
    assert.ok(found.every(({ label, text }) => label === 'spam' && text?.startsWith('Message number')));
    found.reduce((before, now) => (assert.ok(before.score >= now.score), now));
  });

  it('lists blocks of text by the documents that they come from, without labels', () => {
    const { status, stdout, stderr } = importance('blocks', '--count', '4');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /sample +from +score +state +content/);
    assert.equal(stdout.match(/\d-\w+\.txt, token \d+/g)?.length, 4);
    assert.doesNotMatch(stdout, /P\(label\)|suspicion/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line);
  });

  it('says what it does not know', () => {
    const code = (...args: string[]) => {
      const { status, stdout } = importance(...args, '--json');
      assert.equal(status, 1, stdout);
      return (JSON.parse(stdout) as { error: { code: string } }).error.code;
    };
    assert.equal(code('mails', '--class', 'eggs'), 'importance.no-class');
    assert.equal(code('blocks', '--class', 'spam'), 'importance.no-class');
    assert.equal(code('blocks', '--list', 'mislabeled'), 'importance.no-labels');
    assert.equal(code('blocks', '--list', 'mislabelled'), 'importance.no-labels', 'as it was spelled before');
    assert.equal(code('mails', '--epoch', '4'), 'importance.no-pass');
    assert.equal(code('family'), 'importance.none');
    assert.equal(importance('mails', '--count', 'all').status, 2);
  });
});

describe('the inspector', () => {
  it('answers about samples in its own process: pictures, flags, lists in a file', async () => {
    const inspector = new Inspector(path.resolve('dist', 'inspector.js'));
    const runDir = path.join(runs, 'digits');
    try {
      const { passes, samples } = await inspector.importance('importance', { runDir });
      const { epoch } = passes.at(-1)!;
      const { counts } = await inspector.importance('importanceHistogram', { runDir, query: { epoch, bins: 10 } });
      const all = Object.values(counts).flat();
      assert.equal(
        all.reduce((sum, one) => sum + one, 0),
        samples,
      );
      const query = { epoch, list: 'important' } as const;
      const page = await inspector.importance('importanceSamples', {
        runDir,
        query: { ...query, offset: 0, count: 2 },
      });
      assert.match(page.rows[1]!.picture!, /^data:image/);
      const indices = page.rows.map(({ index }) => index);
      assert.equal(await inspector.importance('importanceFlag', { runDir, indices, flagged: true }), 2);
      const file = path.join(folder, 'flagged.jsonl');
      const flagged = { ...query, flagged: true };
      assert.equal(await inspector.importance('importanceExport', { runDir, query: flagged, file }), 2);
      assert.equal((await readFile(file, 'utf8')).trim().split('\n').length, 2);
      const gone = inspector.importance('importance', { runDir: path.join(runs, 'family') });
      await assert.rejects(gone, { code: 'importance.none' });
    } finally {
      await inspector.dispose();
    }
  });
});
