import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Retries } from '../../../../core/compute/ssh/retries';
import { UserError } from '../../../../core/errors';
import { finished, Workbench } from '../../experiments/workbench';
import { hasCode } from '../remote-bed';

const away = new UserError('target.unreachable', 'It is off.', 'Turn it on.');
const denied = new UserError('target.denied', 'It knows you not.', 'Sign in.');

describe('when a remote is tried again', { concurrency: false }, () => {
  let cache = '';
  const usual = process.env.WINNOW_CACHE;
  before(async () => {
    cache = await mkdtemp(path.join(tmpdir(), 'winnow-retries-'));
    process.env.WINNOW_CACHE = cache;
  });
  after(async () => {
    process.env.WINNOW_CACHE = usual;
    await rm(cache, { recursive: true, force: true });
  });

  /** As many processes know nothing of each other but the file. */
  const processes = (host: string, count = 5) =>
    Array.from({ length: count }, () => new Retries({ host, folder: '~/.winnow' }));
  let attempts = 0;
  const failing = (error: UserError) => () => {
    attempts++;
    return Promise.reject(error);
  };
  const all = (of: readonly Retries[], error: UserError) =>
    Promise.all(of.map((one) => assert.rejects(one.connect(failing(error), { asked: false }), hasCode(error.code))));
  const file = async () => {
    const folder = path.join(cache, 'remotes');
    return path.join(
      folder,
      (await readdir(folder)).find((name) => name.endsWith('.json'))!,
    );
  };
  const noted = async () => JSON.parse(await readFile(await file(), 'utf8')) as { times: number; until: number | null };
  /** The pause is over. */
  const later = async () => {
    await writeFile(await file(), JSON.stringify({ ...(await noted()), until: Date.now() - 1 }));
  };

  it('one process tries, the others get what it found, after pauses that grow', async () => {
    const of = processes('off');
    attempts = 0;
    await assert.rejects(of[0]!.connect(failing(away), { asked: false }), hasCode('target.unreachable'));
    for (let round = 0; round < 3; round++) await all(of, away);
    assert.equal(attempts, 1, 'nobody tries during the pause');
    let pause = 0;
    for (let times = 2; times <= 8; times++) {
      await later();
      const before = Date.now();
      await all(of, away);
      assert.equal(attempts, times, 'one of five tries after it');
      const { until } = await noted();
      const least = Math.min(60_000, 1_000 * 2 ** (times - 1)) / 2;
      assert.ok(until! >= before + least, `${until! - before} ms after ${times} failures`);
      assert.ok(until! <= Date.now() + 60_000);
      pause = until! - before;
    }
    assert.ok(pause >= 30_000);
    await later();
    assert.equal(await of[3]!.connect(() => Promise.resolve('in'), { asked: false }), 'in');
    assert.equal(await of[4]!.connect(() => Promise.resolve('in, too'), { asked: false }), 'in, too');
  });

  it('a login that was refused is tried again by nobody until the user asks', async () => {
    const of = processes('shut');
    attempts = 0;
    await assert.rejects(of[0]!.connect(failing(denied), { asked: false }), hasCode('target.denied'));
    for (let round = 0; round < 3; round++) await all(of, denied);
    assert.equal(attempts, 1);
    await assert.rejects(of[1]!.connect(failing(denied), { asked: true }), hasCode('target.denied'));
    assert.equal(attempts, 2);
    await all(of, denied);
    assert.equal(attempts, 2);
    await of[2]!.connect(() => Promise.resolve(), { asked: true });
    await of[3]!.connect(() => Promise.resolve(), { asked: false });
  });

  it('a damaged file, or one from a clock that was ahead, keeps nobody away', async () => {
    const [one] = processes('odd', 1);
    await assert.rejects(one!.connect(failing(away), { asked: false }));
    const odd = await file();
    for (const text of ['', '{', '{"until": null}', JSON.stringify({ ...(await noted()), until: Date.now() + 1e9 })]) {
      await writeFile(odd, text);
      const [other] = processes('odd', 1);
      assert.equal(await other!.connect(() => Promise.resolve('in'), { asked: false }), 'in');
    }
  });

  it('commands that run side by side share the pauses', { skip: process.platform === 'win32' }, async () => {
    const bench = await Workbench.open();
    try {
      // A port that refuses: it was free a moment ago.
      const server = net.createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as net.AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      const log = path.join(bench.folder, 'calls.log');
      const ssh = path.join(bench.folder, 'ssh');
      await writeFile(ssh, `#!/bin/sh\necho "$*" >> '${log}'\nPATH=/usr/bin:/bin exec ssh "$@"\n`);
      await chmod(ssh, 0o755);
      const configFile = path.join(bench.folder, 'config');
      await writeFile(configFile, `Host refused\n  HostName 127.0.0.1\n  Port ${port}\n  BatchMode yes\n`);
      const remotes = path.join(bench.folder, 'remotes.json');
      await writeFile(remotes, JSON.stringify({ v: 1, remotes: { box: { host: 'refused', configFile } } }));
      process.env.WINNOW_REMOTES = remotes;
      const path_ = process.env.PATH ?? '';
      process.env.PATH = `${bench.folder}:${path_}`;
      try {
        const command = async () => {
          const { code, stdout } = await finished(bench.spawn('remote', 'runs', 'box', '--json'));
          assert.equal(code, 1);
          assert.match(stdout, /target\.unreachable/);
        };
        for (let round = 0; round < 4; round++) await Promise.all([command(), command(), command()]);
      } finally {
        process.env.PATH = path_;
        delete process.env.WINNOW_REMOTES;
      }
      // A connection that is made to be shared; the others only ask whether there is one.
      const made = (await readFile(log, 'utf8')).split('\n').filter((line) => line.includes(' -N -f ')).length;
      // The first three may begin together; after that, one for each pause at most.
      assert.ok(made >= 1 && made <= 3 + 3, `${made} attempts by 12 commands`);
    } finally {
      await bench.close();
    }
  });
});
