import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { appendFile, chmod, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Remote } from '../../../core/compute/remotes';
import { sharedSocket } from '../../../core/compute/ssh/sharing';
import { eventually } from '../../patience';
import { lacking, remoteOn } from '../../servers/cluster';
import { outcome } from '../experiments/workbench';
import { hasCode, RemoteBed, says } from './remote-bed';

describe('a remote over SSH: its connection', { concurrency: false, skip: lacking('sshd') }, () => {
  let bed: RemoteBed;
  before(async () => {
    bed = await RemoteBed.open();
  });
  afterEach(() => bed.tidy());
  after(() => bed.close());

  describe('that cannot be reached', () => {
    it('loses no run to a connection that drops: the curve is complete, every line once', async () => {
      const box = bed.target();
      const { dir, open: go } = await bed.begin(box);
      await bed.cluster.fault('drop');
      const before = (await box.state(dir)).heard;
      await go();
      await bed.until(box, dir, 'done');
      assert.ok(before !== undefined);
      await bed.isWhole(dir);
    });

    it('says when it was last heard, and that the run goes on, while it refuses connections', async () => {
      const box = bed.target();
      const { dir, open: go } = await bed.begin(box);
      await bed.cluster.fault('drop');
      await bed.cluster.fault('refuse');
      try {
        const first = await box.state(dir);
        assert.equal(first.state, 'running');
        await go();
        const later = await box.state(dir);
        assert.equal(later.state, 'running');
        assert.equal(later.heard, first.heard);
        await assert.rejects(box.refresh(dir), says('target.unreachable', /refused|broke|closed/i, /runs go on/));
      } finally {
        await bed.cluster.fault('accept');
      }
      box.client.retry();
      await bed.until(box, dir, 'done');
      await bed.isWhole(dir);
    });

    it('is given up after its patience when it hangs, and caught up with when it does not', async () => {
      const box = bed.target({ patience: 3 });
      const { dir, open: go } = await bed.begin(box);
      await bed.cluster.fault('hang');
      await assert.rejects(box.refresh(dir), says('target.unreachable', /3 seconds|Timeout|broke|closed/));
      assert.equal((await box.state(dir)).state, 'running');
      await go();
      await bed.cluster.fault('resume');
      box.client.retry();
      await bed.until(box, dir, 'done');
      await bed.isWhole(dir);
    });

    it('is not asked more often while it is away, and not again after it has refused the login', async () => {
      const log = path.join(bed.bench.folder, 'calls.log');
      const counting = path.join(bed.bench.folder, 'counting-ssh');
      await writeFile(counting, `#!/bin/sh\necho "$*" >> ${log}\nexec ssh "$@"\n`);
      await chmod(counting, 0o755);
      const calls = async () =>
        (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line.includes(' -N -f ')).length;
      const keys = path.join(bed.cluster.folder, 'ssh', 'authorized_keys');
      const known = await readFile(keys);
      await writeFile(keys, '');
      const box = bed.target({}, { ssh: counting });
      for (let i = 0; i < 20; i++)
        await assert.rejects(box.devices(), says('target.denied', /Permission denied/, /ssh testhost/));
      const another = bed.target({}, { ssh: counting });
      await assert.rejects(another.devices(), hasCode('target.denied'));
      assert.equal(await calls(), 1, 'another window or command does not try either');
      await writeFile(keys, known);
      await assert.rejects(box.devices(), hasCode('target.denied'));
      box.client.retry();
      await box.devices();
      assert.equal(await calls(), 2);
      await another.devices();
      assert.equal(await calls(), 2, 'what works now is shared, too');
    });

    it('is not trusted with another host key: the file and line are named, nothing is changed', async () => {
      const box = bed.target();
      const { dir, open: go } = await bed.begin(box);
      await box.client.close();
      await rm(sharedSocket(box.remote) ?? '', { force: true });
      const knownHosts = path.join(bed.cluster.folder, 'ssh', 'known_hosts');
      const before = await readFile(knownHosts, 'utf8');
      const other = before.replace(/AAAAC3\S{20}/, (key) => key.slice(0, -4) + 'AAAA');
      await writeFile(knownHosts, other);
      await assert.rejects(box.refresh(dir), (error) => says('target.host-key', /host key/i, /ssh/)(error));
      assert.equal((await box.state(dir)).state, 'running');
      assert.equal(await readFile(knownHosts, 'utf8'), other);
      await writeFile(knownHosts, before);
      box.client.retry();
      await go();
      await bed.until(box, dir, 'done');
      await bed.isWhole(dir);
    });

    it('through a line with a long delay is slow, and that is all', async () => {
      const port = Number(await readFile(path.join(bed.cluster.folder, 'ssh', 'port'), 'utf8'));
      const later = (from: net.Socket, to: net.Socket) => {
        from.on('data', (data) => setTimeout(() => to.write(data), 150));
        from.on('close', () => setTimeout(() => to.end(), 150));
        from.on('error', () => undefined);
      };
      const proxy = net.createServer((near) => {
        const far = net.connect(port, '127.0.0.1');
        later(near, far);
        later(far, near);
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      const config = path.join(bed.bench.folder, 'slow_config');
      const { port: slow } = proxy.address() as net.AddressInfo;
      await writeFile(config, (await readFile(bed.cluster.configFile, 'utf8')).replace(/Port \d+/, `Port ${slow}`));
      await appendFile(
        path.join(bed.cluster.folder, 'ssh', 'known_hosts'),
        (await readFile(path.join(bed.cluster.folder, 'ssh', 'known_hosts'), 'utf8'))
          .split('\n')[0]!
          .replace(/:\d+\]/, `:${slow}]`) + '\n',
      ).catch(() => undefined);
      const text = await readFile(path.join(bed.cluster.folder, 'ssh', 'known_hosts'), 'utf8');
      await writeFile(
        path.join(bed.cluster.folder, 'ssh', 'known_hosts'),
        `${text.trim()}\n${text.split('\n')[0]!.replace(/\]:\d+/, `]:${slow}`)}\n`,
      );
      try {
        const box = bed.target({ configFile: config });
        const dir = await bed.create(box);
        await box.submit(dir);
        await bed.until(box, dir, 'done');
        await bed.isWhole(dir);
        await box.client.close();
      } finally {
        proxy.close();
      }
    });
  });

  describe('whose shared connection', () => {
    it('is used by all: one login for several commands and windows', async () => {
      const before = await bed.cluster.logins();
      for (const box of [bed.target(), bed.target(), bed.target()]) await box.devices();
      assert.equal((await bed.cluster.logins()) - before, 1);
    });

    it('is that of the user, where there is one', async () => {
      await promisify(execFile)('ssh', ['-F', bed.cluster.configFile, '-f', '-N', 'testhost-mux']).catch(
        () => undefined,
      );
      const before = await bed.cluster.logins();
      await bed.target({ host: 'testhost-mux' }).devices();
      assert.equal((await bed.cluster.logins()) - before, 0);
    });

    it('is made by whoever can be asked: a passphrase at a terminal, once, and everything in the background works', async () => {
      const key = path.join(bed.cluster.folder, 'ssh', 'user_key');
      const plain = await readFile(key);
      const remotes = path.join(bed.bench.folder, 'asking.json');
      const { name, ...remote } = remoteOn(bed.cluster);
      await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
      await promisify(execFile)('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', key]);
      try {
        await assert.rejects(bed.target().devices(), hasCode('target.denied'));
        const cli = `${process.execPath} ${path.resolve('dist', 'cli.js')} remote check box`;
        const typed = spawn('script', ['--quiet', '--return', '--command', cli, '/dev/null'], {
          env: { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes },
        });
        let shown = '';
        let asked = 0;
        typed.stdout.setEncoding('utf8').on('data', (text: string) => {
          shown += text;
          if (!/passphrase/i.test(text)) return;
          asked++;
          typed.stdin.write('open sesame\n');
        });
        await new Promise((resolve) => typed.once('close', resolve));
        assert.equal(asked, 1, shown);
        assert.match(shown, /Winnow runs there/);
        await bed.target().devices();
      } finally {
        await writeFile(key, plain);
      }
    });

    it('hangs is replaced by another one', async () => {
      await bed.target().devices();
      const socket = sharedSocket(remoteOn(bed.cluster))!;
      const holder = await holderOf(remoteOn(bed.cluster), socket);
      process.kill(holder, 'SIGSTOP');
      try {
        const box = bed.target({ patience: 4 });
        const dir = await bed.create(box);
        await box.submit(dir);
        await bed.until(box, dir, 'done');
      } finally {
        process.kill(holder, 'SIGKILL');
      }
    });

    it('has been killed is made again, though its socket is still there', async () => {
      await bed.target().devices();
      const socket = sharedSocket(remoteOn(bed.cluster))!;
      process.kill(await holderOf(remoteOn(bed.cluster), socket), 'SIGKILL');
      await bed.target().devices();
    });

    it('may carry one session only is not needed', async () => {
      const config = path.join(bed.cluster.folder, 'ssh', 'sshd_config');
      const text = await readFile(config, 'utf8');
      await writeFile(config, text.replace(/MaxSessions \d+/, 'MaxSessions 1'));
      await bed.cluster.fault('refuse');
      await bed.cluster.fault('accept');
      try {
        for (const box of [bed.target({ patience: 5 }), bed.target({ patience: 5 })]) {
          const dir = await bed.create(box);
          await box.submit(dir);
          await bed.until(box, dir, 'done');
        }
      } finally {
        await writeFile(config, text);
        await bed.cluster.fault('refuse');
        await bed.cluster.fault('accept');
      }
    });

    it('does not keep a command from ending', async () => {
      const remotes = path.join(bed.bench.folder, 'remotes.json');
      const { name, ...remote } = remoteOn(bed.cluster);
      await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
      const child = spawn(process.execPath, [path.join(bed.bench.folder, 'cli.js'), 'remote', 'list'], {
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes },
      });
      await new Promise((resolve) => child.once('close', resolve));
      assert.equal(child.exitCode, 0);
    });
  });

  it('shows runs that another laptop has started, and takes them over', async () => {
    const first = bed.target();
    const { dir, open: go } = await bed.begin(first);
    const id = path.basename(dir);
    await first.client.close();
    const elsewhere = path.join(bed.bench.folder, 'other-laptop');
    const second = bed.target({ name: 'gpu' });
    assert.ok((await second.runs()).some(({ record, state }) => record.id === id && state === 'running'));
    const adopted = await second.adopt(id, elsewhere);
    const { state, status } = await second.state(adopted);
    assert.equal(state, 'running');
    assert.equal(status.worker?.target, 'gpu');
    assert.equal(await second.adopt(id, elsewhere), adopted);
    // The same machine under another name: the run is here already, and would have two mirrors.
    await assert.rejects(first.adopt(id, elsewhere), hasCode('run.exists'));
    await second.stop(adopted, { force: false });
    await bed.until(second, adopted, 'stopped');
    await bed.until(first, dir, 'stopped');
    await go();
    await second.submit(adopted);
    await bed.until(second, adopted, 'done');
    await bed.until(first, dir, 'done');
    const { result, metrics } = await outcome(dir);
    assert.deepEqual({ result, metrics }, { result: bed.whole.result, metrics: bed.whole.metrics });
    assert.deepEqual((await outcome(adopted)).metrics, metrics);
  });

  it('is started again: its runs are lost, and go on to the same bits', async () => {
    const box = bed.target();
    const { dir, open: go } = await bed.begin(box);
    await bed.cluster.restart();
    await eventually('the run to be lost', async () => {
      box.client.retry();
      return (await box.state(dir)).state === 'lost';
    });
    await go();
    await box.submit(dir);
    await bed.until(box, dir, 'done');
    await bed.isWhole(dir);
  });
});

/** The process that holds a shared connection. */
async function holderOf({ host, configFile }: Remote, socket: string): Promise<number> {
  const { stderr } = await promisify(execFile)('ssh', ['-F', configFile!, '-S', socket, '-O', 'check', host]);
  return Number(/pid=(\d+)/.exec(stderr)?.[1]);
}
