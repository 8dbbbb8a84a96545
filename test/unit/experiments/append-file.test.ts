import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { AppendFile } from '../../../core/experiments/run/append-file';
import { EventWriter } from '../../../core/experiments/run/event-log';
import { attempt } from '../../fixtures/experiments/records';

describe('a file that lines are added to', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-append-'));
  });
  after(() => rm(folder, { recursive: true }));
  const inside = (name: string) => path.join(folder, name);

  it('takes nothing after it was closed: the next file that is opened has its number', async () => {
    const log = inside('events.jsonl');
    const next = inside('status.json');
    await writeFile(next, '{"state": "failed"}');
    const writer = new EventWriter(log, attempt(1));
    writer.append({ type: 'note', text: 'first' });
    // Which number is free shows which one the writer had.
    writer.close();
    const opened = openSync(next, 'r+');
    assert.equal(fstatSync(opened).ino, statSync(next).ino);
    for (let line = 0; line < 3; line++)
      assert.throws(
        () => {
          writer.append({ type: 'note', text: 'late' });
        },
        (error: unknown) => error instanceof UserError && error.code === 'file.closed',
      );
    writer.close();
    assert.equal(readFileSync(opened, 'utf8'), '{"state": "failed"}', 'closing twice closed the other file');
    closeSync(opened);
    assert.equal((await readFile(log, 'utf8')).split('\n').length, 2);
  });

  it('is opened again with a torn last line cut off, and refuses what is no file', async () => {
    const file = inside('lines');
    await writeFile(file, 'one\ntwo\nthr');
    const lines = new AppendFile(file);
    lines.append(Buffer.from('three\n'));
    lines.close();
    assert.equal(await readFile(file, 'utf8'), 'one\ntwo\nthree\n');
    assert.throws(() => new AppendFile(folder), { code: 'disk.failed' });
    assert.throws(() => new AppendFile(inside('no/such')), { code: 'disk.vanished' });
  });
});
