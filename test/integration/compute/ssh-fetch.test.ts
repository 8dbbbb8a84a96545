import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { describeCheckpoint, listCheckpoints } from '../../../core/experiments/library/checkpoints';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import { eventually } from '../../patience';
import { lacking, remoteOn } from '../../servers/cluster';
import { CutLine } from '../../servers/cut-line';
import { RemoteBed, says } from './remote-bed';

const SIZE = 24 << 20;
const ITEM = 'checkpoints/step-000014';

describe('a large checkpoint of a remote', { concurrency: false, skip: lacking('sshd') }, () => {
  let bed: RemoteBed;
  before(async () => {
    bed = await RemoteBed.open();
  });
  afterEach(() => bed.tidy());
  after(() => bed.close());

  /** A run that is done, one of whose checkpoints is large. */
  const done = async (box: SshCompute) => {
    const dir = await bed.create(box);
    await box.submit(dir);
    await bed.until(box, dir, 'done');
    const large = path.join(await bed.there(dir), ITEM, 'weights.bin');
    await writeFile(large, randomBytes(SIZE));
    await box.refresh(dir);
    return { dir, large };
  };
  /** What is left of a fetch. */
  const begun = async (dir: string) =>
    (await readdir(path.join(dir, 'checkpoints'))).filter((name) => name.startsWith('.fetching-'));
  const describedAs = async (dir: string) => {
    const one = (await listCheckpoints(dir)).find(({ name }) => ITEM.endsWith(name));
    return (await describeCheckpoint(one!)).description;
  };

  it('is fetched over several connections: what has arrived is not sent again, and half of it never shows', async () => {
    const line = await CutLine.open(bed.cluster, bed.bench.folder);
    try {
      const box = bed.target({ configFile: line.configFile });
      const { dir, large } = await done(box);
      Object.assign(line, { left: SIZE / 2, stays: true });
      const first: number[] = [];
      await assert.rejects(
        box.fetch(dir, ITEM, { onProgress: (bytes) => first.push(bytes) }),
        says('target.unreachable', /are here; the next fetch continues there/),
      );
      assert.ok(first.at(-1)! > 0 && first.at(-1)! < SIZE, 'the connection was cut before the end');
      assert.equal(await describedAs(dir), 'not fetched');
      assert.equal((await begun(dir)).length, 1);

      Object.assign(line, { left: Infinity, stays: false });
      // The user asks for it: no pause after what has failed.
      const again = bed.target({ configFile: line.configFile }, { asked: true });
      const second: number[] = [];
      const here = await again.fetch(dir, ITEM, { onProgress: (bytes) => second.push(bytes) });
      assert.ok(second[0]! >= first.at(-1)!, `${second[0]!} bytes were there of ${first.at(-1)!}`);
      assert.deepEqual(await readFile(path.join(here, 'weights.bin')), await readFile(large));
      assert.deepEqual(await begun(dir), []);
      assert.notEqual(await describedAs(dir), 'not fetched');
      // It is here: nothing is asked for again.
      await again.fetch(dir, ITEM, { onProgress: () => assert.fail('it is here') });
    } finally {
      line.close();
    }
  });

  it('goes on by itself when only the connection breaks', async () => {
    const line = await CutLine.open(bed.cluster, bed.bench.folder);
    try {
      const box = bed.target({ configFile: line.configFile }, { asked: true });
      const { dir, large } = await done(box);
      line.left = SIZE / 2;
      const here = await box.fetch(dir, ITEM);
      assert.equal(line.left, Infinity, 'it was cut');
      assert.deepEqual(await readFile(path.join(here, 'weights.bin')), await readFile(large));
    } finally {
      line.close();
    }
  });

  it('that was replaced meanwhile is not mixed with the old one; what was damaged here is noticed', async () => {
    const box = bed.target();
    const { dir, large } = await done(box);
    let replaced = false;
    const fetching = box.fetch(dir, ITEM, {
      onProgress: (bytes) => {
        if (replaced || bytes < SIZE / 2) return;
        replaced = true;
        writeFileSync(large, randomBytes(SIZE));
      },
    });
    await assert.rejects(fetching, (error: Error) => /replaced|did not arrive/.test(error.message));
    assert.equal(await describedAs(dir), 'not fetched');

    const abort = new AbortController();
    await assert.rejects(
      box.fetch(dir, ITEM, {
        signal: abort.signal,
        onProgress: (bytes) => {
          if (bytes >= SIZE / 2) abort.abort(new Error('given up'));
        },
      }),
      /given up/,
    );
    const [partial] = await begun(dir);
    const file = path.join(dir, 'checkpoints', partial!, 'weights.bin');
    const handle = await open(file, 'r+');
    await handle.write(Buffer.from('not what was sent'), 0, 17, 100);
    await handle.close();
    await assert.rejects(box.fetch(dir, ITEM), says('mirror.damaged', /weights\.bin/, /Fetch it again/));
    assert.ok(!existsSync(file));
    assert.deepEqual(await readFile(path.join(await box.fetch(dir, ITEM), 'weights.bin')), await readFile(large));
  });

  it('may have files of any name', async () => {
    const box = bed.target();
    const { dir, large } = await done(box);
    await rm(large);
    const names = ["it's $(touch pwned) `id`", '-rf', 'a\nline', 'ünï 漢', '%s\\n', '"quoted"', '~', 'tab\t'];
    for (const name of names) await writeFile(path.join(path.dirname(large), name), `content of ${name}`);
    await box.refresh(dir);
    const here = await box.fetch(dir, ITEM);
    for (const name of names) assert.equal(await readFile(path.join(here, name), 'utf8'), `content of ${name}`);
    assert.ok(!existsSync(path.join(bed.cluster.home, 'pwned')));
    // A file of a run, and nothing else there.
    const agent = await box.client.agent();
    const from = (await readMirror(dir))!.from;
    for (const file of ['../../../.bashrc', 'checkpoints/../../x', '/etc/passwd', 'a//b', 'status.json\0'])
      for (const asked of [
        agent.read({ dir: from, file, offset: 0, limit: 10 }),
        agent.call('sha256', { dir: from, file }),
      ])
        await assert.rejects(asked, says('target.outside', /not a file of a run/), file);
  });

  it('needs room here before anything is fetched', async () => {
    const box = bed.target();
    const { dir, large } = await done(box);
    await rm(large);
    // Sparse: it takes no room there.
    const handle = await open(large, 'w');
    await handle.truncate(8e12);
    await handle.close();
    await box.refresh(dir);
    await assert.rejects(box.fetch(dir, ITEM), says('disk.full', /Nothing was fetched/));
    await rm(large);
  });

  it('is fetched by the command line, which says how far it is, keeps what it has, and goes on', async () => {
    const box = bed.target();
    const { dir, large } = await done(box);
    const remotes = path.join(bed.bench.folder, 'fetch.json');
    const { name, ...remote } = remoteOn(bed.cluster);
    await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes };
    const args = [path.resolve('dist', 'cli.js'), 'fetch', dir, 'step-000014', '--runs-dir', bed.bench.runs, '--json'];
    const child = spawn(process.execPath, args, { env });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    // Killed, as VS Code does when somebody cancels.
    await eventually('some of it', async () => {
      const [partial] = await begun(dir);
      const file = partial && path.join(dir, 'checkpoints', partial, 'weights.bin');
      return file !== undefined && (await stat(file).catch(() => undefined))?.size;
    });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    assert.match(said, /^\{"done":\d+,"total":\d+/);
    assert.equal(await describedAs(dir), 'not fetched');
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    const [here] = (JSON.parse(stdout) as { fetched: string[] }).fetched;
    assert.deepEqual(await readFile(path.join(here!, 'weights.bin')), await readFile(large));
  });
});
