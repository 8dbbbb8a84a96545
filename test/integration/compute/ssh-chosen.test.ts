import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { settle } from '../../../core/compute/chosen';
import type { Fetches } from '../../../core/compute/fetch-rule';
import { LocalCompute } from '../../../core/compute/local';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { Synchronizer, type Look } from '../../../core/compute/synchronizer';
import { Targets } from '../../../core/compute/targets';
import { createRegistry } from '../../../core/experiments/registry';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { lacking, remoteOn } from '../../servers/cluster';
import { CutLine } from '../../servers/cut-line';
import { eventually } from '../../patience';
import { RemoteBed } from './remote-bed';

const SIZE = 12 << 20;

describe(
  'checkpoints of a remote that are fetched by themselves',
  { concurrency: false, skip: lacking('sshd') },
  () => {
    let bed: RemoteBed;
    before(async () => {
      bed = await RemoteBed.open();
    });
    afterEach(async () => {
      await bed.tidy();
      await rm(bed.bench.runs, { recursive: true, force: true });
    });
    after(() => bed.close());

    const rule = (which: Fetches, limit = 1e9) => ({ fetch: { which, limit } });
    /** What a window or `winnow sync` is to the runs here. */
    const follower = (box: SshCompute) =>
      new Synchronizer(
        bed.bench.runs,
        new Targets(new LocalCompute(path.join(bed.bench.folder, 'worker.js'), createRegistry([arithmetic])), () =>
          Promise.resolve([box]),
        ),
      );
    /** One look, and what is fetched after it. */
    const look = async (all: Synchronizer): Promise<Look> => {
      const seen = await all.look();
      const more = await all.settled();
      return { ...seen, fetches: [...seen.fetches, ...more.fetches], problems: [...seen.problems, ...more.problems] };
    };
    const here = async (dir: string) => {
      const folder = path.join(dir, 'checkpoints');
      const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
      return names.filter((name) => existsSync(path.join(folder, name, 'state.json'))).sort();
    };
    /** A run that has ended there, which this machine has not heard of yet. @param large whether its last checkpoint is */
    const ended = async (box: SshCompute, large = false) => {
      const { dir, open } = await bed.begin(box);
      const there = await bed.there(dir);
      await open();
      await eventually('the run to end there', async () =>
        (await readFile(path.join(there, 'status.json'), 'utf8')).includes('"done"'),
      );
      const weights = path.join(there, 'checkpoints', 'step-000035', 'weights.bin');
      if (large) await writeFile(weights, randomBytes(SIZE));
      return { dir, weights };
    };

    it('arrive when it has ended, once: what is deleted here stays deleted', async () => {
      const box = bed.target(rule('last'));
      const { dir } = await ended(box);
      const seen = await look(follower(box));
      assert.deepEqual(seen.fetches, [{ dir, target: 'box', fetched: ['checkpoints/step-000035'] }]);
      assert.deepEqual(await here(dir), ['step-000035']);
      await rm(path.join(dir, 'checkpoints', 'step-000035'), { recursive: true });
      const later = await look(follower(box));
      assert.deepEqual([later.fetches, later.fetching], [[], 0]);
      assert.deepEqual(await here(dir), []);
    });

    it('of a run that goes on are those that it makes then', async () => {
      const box = bed.target(rule('all'));
      const { dir, open } = await bed.begin(box);
      const all = follower(box);
      assert.deepEqual((await look(all)).fetches, [], 'it is underway');
      await box.stop(dir, { force: false });
      await bed.until(box, dir, 'stopped');
      assert.deepEqual((await look(all)).fetches[0]?.fetched, ['checkpoints/step-000007', 'checkpoints/step-000010']);
      await rm(path.join(dir, 'checkpoints', 'step-000007'), { recursive: true });
      await open();
      await box.submit(dir);
      await bed.until(box, dir, 'done');
      await look(follower(box));
      assert.deepEqual(
        await here(dir),
        [10, 14, 21, 28, 35].map((step) => `step-${String(step).padStart(6, '0')}`),
        'the one that was deleted is not fetched again',
      );
    });

    it('break off with the connection, and the next program goes on with them', async () => {
      const line = await CutLine.open(bed.cluster, bed.bench.folder);
      try {
        const box = bed.target({ configFile: line.configFile, ...rule('last') });
        const { dir, weights } = await ended(box, true);
        await box.refresh(dir);
        Object.assign(line, { left: SIZE / 2, stays: true });
        const cut = await look(follower(box));
        assert.deepEqual(cut.fetches, []);
        assert.equal(cut.problems[0]?.code, 'target.unreachable');
        assert.deepEqual(await here(dir), [], 'half of one never shows');

        Object.assign(line, { left: Infinity, stays: false });
        const again = bed.target({ configFile: line.configFile, ...rule('last') }, { asked: true });
        const first: number[] = [];
        await settle(dir, again, { onProgress: (bytes) => first.push(bytes) });
        assert.ok(first[0]! > 0, 'what has arrived is not sent again');
        const file = path.join(dir, 'checkpoints', 'step-000035', 'weights.bin');
        assert.deepEqual(await readFile(file), await readFile(weights));
      } finally {
        line.close();
      }
    });

    it('are fetched by one of several programs', async () => {
      const box = bed.target(rule('last'));
      const { dir } = await ended(box, true);
      await box.refresh(dir);
      const begun: string[] = [];
      const onItem = (item: string) => begun.push(item);
      const both = await Promise.all([settle(dir, box, { onItem }), settle(dir, bed.target(rule('last')), { onItem })]);
      assert.deepEqual(begun, ['checkpoints/step-000035']);
      assert.equal(both.filter((one) => one === undefined).length, 1, 'the other does not wait');
      assert.deepEqual((await settle(dir, box))?.fetched, begun, 'and sees later what came of it');
    });

    it('are not fetched if they are too large, or nothing says which is the best; that is said once', async () => {
      for (const [which, limit, code] of [
        ['last', SIZE - 1, 'fetch.too-large'],
        ['best', 1e9, 'fetch.no-best'],
      ] as const) {
        const box = bed.target(rule(which, limit));
        const { dir } = await ended(box, true);
        const [said] = (await look(follower(box))).fetches;
        assert.equal(said?.problem?.code, code);
        assert.match(`${said.problem.message} ${said.problem.hint}`, /were not fetched: .*winnow fetch/s);
        assert.deepEqual((await look(follower(box))).fetches, []);
        assert.deepEqual(await here(dir), []);
        await rm(dir, { recursive: true });
      }
    });

    it('are none unless somebody asks, also of a run that had ended before the setting was changed', async () => {
      const { dir } = await ended(bed.target());
      const remotes = path.join(bed.bench.folder, 'chosen.json');
      const { name, ...remote } = remoteOn(bed.cluster);
      await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
      const env = { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes };
      const winnow = async (...args: string[]) =>
        (await promisify(execFile)(process.execPath, [path.resolve('dist', 'cli.js'), ...args], { env })).stdout;
      const sync = () => winnow('sync', '--runs-dir', bed.bench.runs);
      assert.match(await sync(), /done.* on box/);
      assert.equal((await readMirror(dir))?.settled?.attempt, 1);
      assert.match(
        await winnow('remote', 'set', 'box', '--fetch', 'last', '--fetch-limit', '1GB'),
        /box fetches last, up to 1\.0 GB/,
      );
      assert.match(await winnow('remote', 'list'), /box.*testhost.*fetches last, up to 1\.0 GB/);
      assert.match(await sync(), /Nothing has changed/);
      assert.deepEqual(await here(dir), []);
      // One that ends from now on.
      const next = await ended(bed.target());
      assert.match(await sync(), /done.* on box\nFetched .*step-000035/);
      assert.deepEqual(await here(next.dir), ['step-000035']);
    });
  },
);
