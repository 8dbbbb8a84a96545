import assert from 'node:assert/strict';
import { mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readOnly } from './mounts';
import { at, until, Workbench } from './workbench';

describe('a folder that cannot be written', () => {
  let bench: Workbench;
  let ids: string[];
  before(async () => {
    bench = await Workbench.open();
    for (const steps of [3, 4, 5]) assert.equal(await until(await bench.detach({ steps }), 'done', 'failed'), 'done');
    ids = (await readdir(bench.runs)).filter((name) => !name.startsWith('.')).sort();
    await bench.json(0, 'delete', ids[2] ?? '');
  });
  after(() => bench.close());

  const refusal = async (...args: string[]) => {
    const refused = await bench.json(1, ...args);
    assert.equal(at(refused, 'error', 'code'), 'disk.denied', JSON.stringify(refused));
    return String(at(refused, 'error', 'message'));
  };

  it('new runs: the error says that the file system is read-only', async (t) => {
    const empty = path.join(bench.folder, 'empty');
    const closed = path.join(bench.folder, 'closed');
    await mkdir(empty);
    if (!(await readOnly(t, empty, closed))) return;
    const spec = await bench.spec({ steps: 3 });
    const said = /cannot be written: the file system is read-only/;
    for (const runs of [closed, path.join(closed, 'runs'), path.join(closed, 'a', 'b', 'runs')])
      assert.match(await refusal('run', spec, '--runs-dir', runs), said);
  });

  it('runs that are there: list and show work, and what would change them says why it does not', async (t) => {
    const closed = path.join(bench.folder, 'seen');
    if (!(await readOnly(t, bench.runs, closed))) return;
    const [first = '', second = '', deleted = ''] = ids;
    const at_ = ['--runs-dir', closed];
    const { runs } = await bench.json(0, 'list', ...at_);
    assert.ok(Array.isArray(runs));
    assert.deepEqual(runs.map((run: unknown) => at(run, 'id')).sort(), [first, second]);
    assert.equal((await bench.json(0, 'show', first, ...at_)).state, 'done');
    assert.equal((await bench.winnow('compare', ...at_)).code, 0);
    assert.equal((await bench.winnow('logs', first, ...at_)).code, 0);
    const said = /cannot be written: the file system is read-only/;
    assert.match(
      await refusal('annotate', first, '--star', ...at_),
      /annotations\.json cannot be written: .*read-only/,
    );
    assert.match(await refusal('delete', first, ...at_), said);
    assert.match(await refusal('delete', first, '--force-permanent', ...at_), said);
    assert.match(await refusal('delete', '--empty-trash', ...at_), said);
    assert.match(await refusal('restore', deleted, ...at_), said);
    assert.match(await refusal('rerun', first, ...at_), said);
    assert.equal((await readdir(closed)).includes(first), true);
  });

  it('a trash that is not there yet cannot be made', async (t) => {
    const trash = path.join(bench.runs, '.trash');
    await rename(trash, path.join(bench.folder, 'trash'));
    const closed = path.join(bench.folder, 'no-trash');
    if (!(await readOnly(t, bench.runs, closed))) return;
    const said = await refusal('delete', ids[0] ?? '', '--runs-dir', closed);
    assert.match(said, /\.trash cannot be written: the file system is read-only/);
  });
});
