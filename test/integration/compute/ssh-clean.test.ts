import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { checkRemote } from '../../../core/compute/ssh/check';
import { ShippedBundle } from '../../../core/compute/ssh/bundle';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { lacking, remoteOn } from '../../servers/cluster';
import { RemoteBed } from './remote-bed';

describe('what is left on a remote', { concurrency: false, skip: lacking('sshd') }, () => {
  let bed: RemoteBed;
  let newer = '';
  before(async () => {
    bed = await RemoteBed.open();
    // Another version of Winnow.
    newer = path.join(bed.bench.folder, 'newer');
    await mkdir(newer);
    for (const name of await readdir(bed.bench.folder))
      if (name.endsWith('.js')) await cp(path.join(bed.bench.folder, name), path.join(newer, name));
    await appendFile(path.join(newer, 'worker.js'), '\n// newer\n');
  });
  afterEach(() => bed.tidy());
  after(() => bed.close());

  const at = (...place: string[]) => path.join(bed.cluster.home, '.winnow', ...place);
  const names = async (kind: string) => (await readdir(at(kind))).filter((name) => !name.startsWith('.'));
  /** Weeks go by. */
  const later = () =>
    bed.cluster.inside('find', '/root/.winnow', '-exec', 'touch', '-h', '-d', '30 days ago', '{}', '+');
  const all = { keep: 0, days: 0, dryRun: false };
  const kinds = async (box: SshCompute, request = all) =>
    (await box.clean(request)).freed.map(({ kind }) => kind).sort();

  it('is deleted when no run uses it: a version goes on as long as its runs do', async () => {
    const old = bed.target();
    const input = path.join(bed.bench.folder, 'input.txt');
    await writeFile(input, 'an input');
    const { dir, open: go } = await bed.begin(old);
    const [version] = await names('versions');
    await old.client.close();

    const box = bed.target({}, { bundle: new ShippedBundle(newer) });
    await box.devices();
    assert.equal((await names('versions')).length, 2);
    await later();
    // The run is underway: neither its program nor its input is touched. Its own program has just been used.
    const first = await box.clean(all);
    assert.deepEqual(
      first.freed.filter(({ kind }) => kind !== 'blobs'),
      [],
    );
    assert.equal((await names('versions')).length, 2);
    await box.stop(dir, { force: false });
    await bed.until(box, dir, 'stopped');
    await later();
    assert.ok(!(await kinds(box)).includes('versions'), 'it can be resumed');

    await go();
    await box.submit(dir);
    await bed.until(box, dir, 'done');
    await bed.isWholeAgain(dir);
    await later();
    const dry = await box.clean({ ...all, dryRun: true });
    assert.deepEqual(
      dry.freed.filter(({ kind }) => kind === 'versions').map(({ name }) => name),
      [version],
    );
    assert.equal((await names('versions')).length, 2);
    const kept = await box.clean({ ...all, keep: 2, dryRun: true });
    assert.ok(!kept.freed.some(({ kind }) => kind === 'versions'));
    const real = await box.clean(all);
    assert.deepEqual(real.freed.toSorted(byName), dry.freed.toSorted(byName), 'a dry run says what is done');
    assert.ok(!(await names('versions')).includes(version!));
    // The run is there as it was, and so are its inputs.
    await bed.isCopied(dir);
    assert.ok((await names('inputs')).length > 0);

    // Whoever comes with the old version gets it sent again.
    const again = bed.target();
    const other = await bed.create(again);
    await again.submit(other);
    await bed.until(again, other, 'done');
    await bed.isWhole(other);
  });

  it('is kept where a run may need it and nobody knows', async () => {
    const old = bed.target();
    const { dir, open: go } = await bed.begin(old);
    await old.client.close();
    await rm(at('uses', path.basename(dir)));
    const box = bed.target({}, { bundle: new ShippedBundle(newer) });
    await box.devices();
    await later();
    const { freed, notes } = await box.clean(all);
    assert.ok(!freed.some(({ kind }) => kind === 'versions'));
    assert.match(notes.join('\n'), /goes on with one that is not known/);
    await go();
    await bed.until(box, dir, 'done');
    // A run that cannot be read.
    await mkdir(at('runs', 'odd', 'run.json'), { recursive: true });
    await later();
    const unread = await box.clean(all);
    assert.match(unread.notes.join('\n'), /cannot be read/);
    assert.ok(!unread.freed.some(({ kind }) => kind === 'versions' || kind === 'inputs'));
    await rm(at('runs', 'odd'), { recursive: true });
  });

  it('is deleted with the runs that used it, never before, and never a run', async () => {
    const box = bed.target();
    await mkdir(at('inputs', '.partial-abc'), { recursive: true });
    await mkdir(at('cache', 'downloads'), { recursive: true });
    await writeFile(at('cache', 'downloads', 'big.whl.part'), 'half');
    await writeFile(at('blobs', `${'a'.repeat(64)}.partial`), 'half');
    const dir = await bed.create(box, { input: './input.txt' });
    await later();
    const runs = await names('runs');
    const freed = await kinds(box);
    assert.ok(freed.includes('partials') && freed.includes('downloads'), freed.join(', '));
    assert.deepEqual(await names('runs'), runs);
    const inputs = await names('inputs');
    await rm(await bed.there(dir), { recursive: true });
    // Somebody is sending: contents that nothing has may be part of it.
    await later();
    await writeFile(at('blobs', '.asked'), '');
    const sending = await box.clean({ ...all, dryRun: true });
    assert.ok(!sending.freed.some(({ kind }) => kind === 'blobs'));
    await later();
    assert.ok((await kinds(box)).includes('inputs'));
    assert.equal((await names('inputs')).length, inputs.length - 1);
  });

  it('is said by the check, and by the command line', async () => {
    const box = bed.target();
    const said: string[] = [];
    for await (const { name, found } of checkRemote(box)) if (name === 'Disk use') said.push(found);
    assert.match(said[0]!, /MB in ~\/\.winnow: programs .*MB/);
    const remotes = path.join(bed.bench.folder, 'clean.json');
    const { name, ...remote } = remoteOn(bed.cluster);
    await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
    await later();
    const cli = (...args: string[]) =>
      promisify(execFile)(process.execPath, [path.resolve('dist', 'cli.js'), 'remote', 'clean', 'box', ...args], {
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes },
      });
    assert.match((await cli('--dry-run', '--keep', '0')).stdout, /This would free .* on box\.\n/);
    const { stdout } = await cli('--keep', '0', '--json');
    assert.deepEqual(Object.keys(JSON.parse(stdout) as object), ['freed', 'notes', 'dryRun']);
    await assert.rejects(cli('--keep', '-1'), /whole number/);
  });
});

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
