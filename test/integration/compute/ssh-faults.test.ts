import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Remote } from '../../../core/compute/remotes';
import type { TargetOptions } from '../../../core/compute/targets';
import { ownNode } from '../../../core/compute/ssh/node-source';
import { sharedSocket } from '../../../core/compute/ssh/sharing';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { UserError } from '../../../core/errors';
import { readEvents } from '../../../core/experiments/run/event-log';
import { readRun } from '../../../core/experiments/library/store';
import { createRegistry } from '../../../core/experiments/registry';
import { runPaths } from '../../../core/experiments/run/directory';
import { readMirror, writeMirror } from '../../../core/experiments/run/mirror-file';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { eventually } from '../../patience';
import { outcome, Workbench } from '../experiments/workbench';
import { Cluster, lacking, remoteOn } from '../../servers/cluster';
import { targetOn } from './remote';

const SETTINGS = { seed: 11, steps: 40, checkpointEvery: 7 };
const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;
const says =
  (code: string, ...parts: RegExp[]) =>
  (error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.match(`${error.message} ${error.hint}`, part);
    return true;
  };

describe('a remote over SSH', { concurrency: false, skip: lacking('sshd', 'tcsh', 'fish', 'zsh') }, () => {
  let bench: Workbench;
  let cluster: Cluster;
  let whole: Awaited<ReturnType<typeof outcome>>;
  const open: SshCompute[] = [];
  before(async () => {
    bench = await Workbench.open();
    whole = await outcome(String((await bench.json(0, 'run', await bench.spec(SETTINGS, 'whole'))).dir));
    cluster = await Cluster.open();
  });
  after(async () => {
    await cluster.close();
    await bench.close();
  });
  afterEach(async () => {
    for (const target of open.splice(0)) await target.client.close();
    await rm(sharedSocket(remoteOn(cluster)) ?? '', { force: true });
    for (const file of ['.bashrc', '.profile', '.bash_profile', '.zshenv'])
      await rm(path.join(cluster.home, file), { force: true });
  });

  const target = (more: Partial<Remote> = {}, options: TargetOptions = {}) => {
    const one = targetOn(cluster, bench, more, options);
    open.push(one);
    return one;
  };
  let specs = 0;
  const create = async (on: SshCompute, settings: object = {}) => {
    const file = await bench.spec({ ...SETTINGS, ...settings }, `fault-${specs++}`);
    return on.create(await loadSpec(file, createRegistry([arithmetic])), bench.runs);
  };
  const openGate = async (name: string) => {
    const inputs = path.join(cluster.home, '.winnow', 'inputs');
    for (const tree of await readdir(inputs)) await writeFile(path.join(inputs, tree, name), '');
  };
  const until = (on: SshCompute, dir: string, wanted: string) =>
    eventually(`${dir} to be ${wanted}`, async () => {
      const { state } = await on.state(dir);
      assert.ok(!['failed', 'lost', 'damaged'].includes(state) || state === wanted, `${dir} is ${state}`);
      return state === wanted;
    });
  /** A run that waits at a gate after ten steps. */
  const begin = async (on: SshCompute) => {
    const gate = `gate-${specs}`;
    const dir = await create(on, { gate });
    await on.submit(dir);
    await eventually('the gate', async () => {
      await on.state(dir);
      return ((await readRun(dir)).history.metrics.get('iterate')?.length ?? 0) === 10;
    });
    return { dir, open: () => openGate(gate) };
  };
  /** The whole curve once, and every line of the other machine once. */
  const isWhole = async (dir: string) => {
    assert.deepEqual(await outcome(dir), whole);
    const mirror = await readMirror(dir);
    const there = path.join(cluster.home, path.relative('/root', mirror!.from), 'events.jsonl');
    assert.deepEqual(await readFile(runPaths(dir).events), await readFile(there));
    assert.deepEqual((await readEvents(runPaths(dir).events)).problems, []);
  };

  describe('whose shell', () => {
    it('prints, waits for a line, and prints again at its end is used all the same', async () => {
      await cluster.startUp(
        [
          'printf "\\033[31mWelcome to the cluster\\033[0m without a line feed"',
          'head -c 300000 /dev/zero | tr "\\0" "x"; echo',
          'echo "Press return"; read -r answer; echo "got $answer"',
          'trap "echo goodbye" EXIT',
          'set -u; echo noise >&2',
        ].join('\n'),
      );
      const box = target();
      const dir = await create(box);
      await box.submit(dir);
      await until(box, dir, 'done');
      await isWhole(dir);
    });

    it('ends by itself is named, with what to do', async () => {
      await cluster.startUp('echo bye >&2; exit 3');
      await assert.rejects(target().devices(), says('target.shell', /exit code 3/, /bye/, /start-up file/));
    });

    for (const shell of ['/bin/sh', '/usr/bin/tcsh', '/usr/bin/fish', '/usr/bin/zsh'])
      it(`is ${shell} is used as any other`, async () => {
        await cluster.loginShell(shell);
        try {
          const box = target();
          const dir = await create(box, { name: `with ! $HOME \`id\` "quotes" 'and' \\ # ; ${shell}` });
          await box.submit(dir);
          await until(box, dir, 'done');
          await isWhole(dir);
        } finally {
          await cluster.loginShell('/bin/bash');
        }
      });
  });

  describe('that is set up', () => {
    it('by lines of the user: their environment reaches the run, what they print does not', async () => {
      const box = target({ setup: ['echo loading', 'export CUDA_VISIBLE_DEVICES=GPU-1234', 'cd /tmp'] });
      const { dir, open: go } = await begin(box);
      const pid = String((await box.state(dir)).status.worker?.handle.pid);
      assert.match(await cluster.inside('cat', `/proc/${pid}/environ`), /CUDA_VISIBLE_DEVICES=GPU-1234/);
      await go();
      await until(box, dir, 'done');
      await isWhole(dir);
    });

    it('by a line that fails says which, its exit code and its text', async () => {
      const box = target({ setup: ['true', 'echo no such module >&2; exit_code() { return 7; }; exit_code'] });
      await assert.rejects(box.devices(), says('target.setup', /exit code 7/, /no such module/, /exit_code/));
    });

    it('in a folder with spaces, quotes and dollars', async () => {
      const box = target({ folder: `~/it's "my" $HOME \`id\` -- ü/winnow` });
      const dir = await create(box);
      await box.submit(dir);
      await until(box, dir, 'done');
      assert.deepEqual(await outcome(dir), whole);
    });

    it('in a folder that cannot be written says so', async () => {
      await assert.rejects(
        target({ folder: '/proc/winnow' }).devices(),
        says('target.folder', /\/proc\/winnow/, /--folder/),
      );
    });

    it('keeps what belongs to the user private', async () => {
      await target().devices();
      const open = ['-perm', '/077', '-not', '-type', 'l', '-not', '-name', 'gate-*'];
      assert.equal(await cluster.inside('find', '/root/.winnow', ...open), '');
    });
  });

  describe('without a Node', () => {
    before(async () => {
      for (const place of ['/usr/bin/node', '/usr/local/bin/node'])
        if (existsSync(place)) await cluster.inside('mount', '--bind', '/dev/null', place);
    });
    after(async () => {
      for (const place of ['/usr/bin/node', '/usr/local/bin/node'])
        if (existsSync(place)) await cluster.inside('umount', place).catch(() => undefined);
    });

    it('gets one, of which only what has not arrived is sent', async () => {
      const sent: number[] = [];
      const onSending: TargetOptions['onSending'] = ({ what, done, total }) => {
        if (what.includes('Node') && done === total) sent.push(total);
      };
      const name = `node-${process.versions.node}-linux-${process.arch}`;
      const { file } = await ownNode.find({ os: 'linux', arch: process.arch });
      const node = await readFile(file);
      const half = Math.floor(node.length / 2);
      const halfThere = async (folder: string, bytes: Uint8Array) => {
        await mkdir(path.join(cluster.home, folder, 'node'), { recursive: true });
        await writeFile(path.join(cluster.home, folder, 'node', `${name}.partial`), bytes);
      };
      await halfThere('half', node.subarray(0, half));
      const box = target({ folder: '~/half' }, { onSending });
      const dir = await create(box);
      assert.deepEqual(sent, [node.length - half]);
      await box.submit(dir);
      await until(box, dir, 'done');
      assert.deepEqual(await outcome(dir), whole);
      assert.deepEqual(await readdir(path.join(cluster.home, 'half', 'node')), ['node']);

      await halfThere('damaged', Buffer.alloc(half));
      await target({ folder: '~/damaged' }, { onSending }).devices();
      assert.deepEqual(sent.slice(1), [node.length - half, node.length]);
    });
  });

  it('whose connection breaks while files are sent gets the rest over another one', async () => {
    const totals: number[] = [];
    let dropped = false;
    const box = target(
      { folder: '~/broken-off' },
      {
        onSending: ({ done, total }) => {
          if (done === 0) totals.push(total);
          if (done < total / 2 || dropped) return;
          dropped = true;
          void cluster.fault('drop');
        },
      },
    );
    await box.devices();
    const [first = 0, second = Infinity, ...more] = totals;
    assert.deepEqual(more, []);
    assert.ok(second < first, `${second} of ${first} bytes`);
  });

  describe('that cannot be reached', () => {
    it('loses no run to a connection that drops: the curve is complete, every line once', async () => {
      const box = target();
      const { dir, open: go } = await begin(box);
      await cluster.fault('drop');
      const before = (await box.state(dir)).heard;
      await go();
      await until(box, dir, 'done');
      assert.ok(before !== undefined);
      await isWhole(dir);
    });

    it('says when it was last heard, and that the run goes on, while it refuses connections', async () => {
      const box = target();
      const { dir, open: go } = await begin(box);
      await cluster.fault('drop');
      await cluster.fault('refuse');
      try {
        const first = await box.state(dir);
        assert.equal(first.state, 'running');
        await go();
        const later = await box.state(dir);
        assert.equal(later.state, 'running');
        assert.equal(later.heard, first.heard);
        await assert.rejects(box.refresh(dir), says('target.unreachable', /refused|broke|closed/i, /runs go on/));
      } finally {
        await cluster.fault('accept');
      }
      box.client.retry();
      await until(box, dir, 'done');
      await isWhole(dir);
    });

    it('is given up after its patience when it hangs, and caught up with when it does not', async () => {
      const box = target({ patience: 3 });
      const { dir, open: go } = await begin(box);
      await cluster.fault('hang');
      await assert.rejects(box.refresh(dir), says('target.unreachable', /3 seconds|Timeout|broke|closed/));
      assert.equal((await box.state(dir)).state, 'running');
      await go();
      await cluster.fault('resume');
      box.client.retry();
      await until(box, dir, 'done');
      await isWhole(dir);
    });

    it('is not asked more often while it is away, and not again after it has refused the login', async () => {
      const log = path.join(bench.folder, 'calls.log');
      const stub = path.join(bench.folder, 'counting-ssh');
      await writeFile(stub, `#!/bin/sh\necho "$*" >> ${log}\nexec ssh "$@"\n`);
      await chmod(stub, 0o755);
      const calls = async () =>
        (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line.includes(' -N -f ')).length;
      const keys = path.join(cluster.folder, 'ssh', 'authorized_keys');
      const known = await readFile(keys);
      await writeFile(keys, '');
      const box = target({}, { ssh: stub });
      for (let i = 0; i < 20; i++)
        await assert.rejects(box.devices(), says('target.denied', /Permission denied/, /ssh testhost/));
      assert.equal(await calls(), 1);
      await writeFile(keys, known);
      await assert.rejects(box.devices(), hasCode('target.denied'));
      box.client.retry();
      await box.devices();
      assert.equal(await calls(), 2);
    });

    it('is not trusted with another host key: the file and line are named, nothing is changed', async () => {
      const box = target();
      const { dir, open: go } = await begin(box);
      await box.client.close();
      await rm(sharedSocket(box.remote) ?? '', { force: true });
      const knownHosts = path.join(cluster.folder, 'ssh', 'known_hosts');
      const before = await readFile(knownHosts, 'utf8');
      const other = before.replace(/AAAAC3\S{20}/, (key) => key.slice(0, -4) + 'AAAA');
      await writeFile(knownHosts, other);
      await assert.rejects(box.refresh(dir), (error) => says('target.host-key', /host key/i, /ssh/)(error));
      assert.equal((await box.state(dir)).state, 'running');
      assert.equal(await readFile(knownHosts, 'utf8'), other);
      await writeFile(knownHosts, before);
      box.client.retry();
      await go();
      await until(box, dir, 'done');
      await isWhole(dir);
    });

    it('through a line with a long delay is slow, and that is all', async () => {
      const port = Number(await readFile(path.join(cluster.folder, 'ssh', 'port'), 'utf8'));
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
      const config = path.join(bench.folder, 'slow_config');
      const { port: slow } = proxy.address() as net.AddressInfo;
      await writeFile(config, (await readFile(cluster.configFile, 'utf8')).replace(/Port \d+/, `Port ${slow}`));
      await appendFile(
        path.join(cluster.folder, 'ssh', 'known_hosts'),
        (await readFile(path.join(cluster.folder, 'ssh', 'known_hosts'), 'utf8'))
          .split('\n')[0]!
          .replace(/:\d+\]/, `:${slow}]`) + '\n',
      ).catch(() => undefined);
      const text = await readFile(path.join(cluster.folder, 'ssh', 'known_hosts'), 'utf8');
      await writeFile(
        path.join(cluster.folder, 'ssh', 'known_hosts'),
        `${text.trim()}\n${text.split('\n')[0]!.replace(/\]:\d+/, `]:${slow}`)}\n`,
      );
      try {
        const box = target({ configFile: config });
        const dir = await create(box);
        await box.submit(dir);
        await until(box, dir, 'done');
        await isWhole(dir);
        await box.client.close();
      } finally {
        proxy.close();
      }
    });
  });

  describe('whose shared connection', () => {
    it('is used by all: one login for several commands and windows', async () => {
      const before = await cluster.logins();
      for (const box of [target(), target(), target()]) await box.devices();
      assert.equal((await cluster.logins()) - before, 1);
    });

    it('is that of the user, where there is one', async () => {
      await promisify(execFile)('ssh', ['-F', cluster.configFile, '-f', '-N', 'testhost-mux']).catch(() => undefined);
      const before = await cluster.logins();
      await target({ host: 'testhost-mux' }).devices();
      assert.equal((await cluster.logins()) - before, 0);
    });

    it('is made by whoever can be asked: a passphrase at a terminal, once, and everything in the background works', async () => {
      const key = path.join(cluster.folder, 'ssh', 'user_key');
      const plain = await readFile(key);
      const remotes = path.join(bench.folder, 'asking.json');
      const { name, ...remote } = remoteOn(cluster);
      await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
      await promisify(execFile)('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', key]);
      try {
        await assert.rejects(target().devices(), hasCode('target.denied'));
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
        await target().devices();
      } finally {
        await writeFile(key, plain);
      }
    });

    it('hangs is replaced by another one', async () => {
      await target().devices();
      const socket = sharedSocket(remoteOn(cluster))!;
      const holder = await holderOf(remoteOn(cluster), socket);
      process.kill(holder, 'SIGSTOP');
      try {
        const box = target({ patience: 4 });
        const dir = await create(box);
        await box.submit(dir);
        await until(box, dir, 'done');
      } finally {
        process.kill(holder, 'SIGKILL');
      }
    });

    it('has been killed is made again, though its socket is still there', async () => {
      await target().devices();
      const socket = sharedSocket(remoteOn(cluster))!;
      process.kill(await holderOf(remoteOn(cluster), socket), 'SIGKILL');
      await target().devices();
    });

    it('may carry one session only is not needed', async () => {
      const config = path.join(cluster.folder, 'ssh', 'sshd_config');
      const text = await readFile(config, 'utf8');
      await writeFile(config, text.replace(/MaxSessions \d+/, 'MaxSessions 1'));
      await cluster.fault('refuse');
      await cluster.fault('accept');
      try {
        for (const box of [target({ patience: 5 }), target({ patience: 5 })]) {
          const dir = await create(box);
          await box.submit(dir);
          await until(box, dir, 'done');
        }
      } finally {
        await writeFile(config, text);
        await cluster.fault('refuse');
        await cluster.fault('accept');
      }
    });

    it('does not keep a command from ending', async () => {
      const remotes = path.join(bench.folder, 'remotes.json');
      const { name, ...remote } = remoteOn(cluster);
      await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
      const child = spawn(process.execPath, [path.join(bench.folder, 'cli.js'), 'remote', 'list'], {
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes },
      });
      await new Promise((resolve) => child.once('close', resolve));
      assert.equal(child.exitCode, 0);
    });
  });

  it('with a full disk says so, and keeps nothing half', async () => {
    const folder = path.join(cluster.home, 'small');
    await mkdir(folder);
    await cluster.inside('mount', '-t', 'tmpfs', '-o', 'size=20m', 'none', '/root/small');
    await assert.rejects(target({ folder: '~/small' }).devices(), says('disk.full', /space/));
    await cluster.inside('umount', '/root/small');
  });

  it('shows runs that another laptop has started, and takes them over', async () => {
    const first = target();
    const { dir, open: go } = await begin(first);
    const id = path.basename(dir);
    await first.client.close();
    const elsewhere = path.join(bench.folder, 'other-laptop');
    const second = target({ name: 'gpu' });
    assert.ok((await second.runs()).some(({ record, state }) => record.id === id && state === 'running'));
    const adopted = await second.adopt(id, elsewhere);
    const { state, status } = await second.state(adopted);
    assert.equal(state, 'running');
    assert.equal(status.worker?.target, 'gpu');
    await second.stop(adopted, { force: false });
    await until(second, adopted, 'stopped');
    await until(first, dir, 'stopped');
    await go();
    await second.submit(adopted);
    await until(second, adopted, 'done');
    await until(first, dir, 'done');
    const { result, metrics } = await outcome(dir);
    assert.deepEqual({ result, metrics }, { result: whole.result, metrics: whole.metrics });
    assert.deepEqual((await outcome(adopted)).metrics, metrics);
  });

  it('sends files that a spec names once, whatever their names', async () => {
    const names = ['plain.txt', "it's a $(touch pwned) `file`; -- é.txt", '-n', 'a\nline'];
    const sent: number[] = [];
    const box = target(
      {},
      { onSending: ({ what, done, total }) => done === 0 && what.includes('files') && sent.push(total) },
    );
    for (const name of names) {
      const file = path.join(bench.folder, name);
      await writeFile(file, `content of ${name}`);
      const dir = await create(box, { input: `./${name}` });
      await box.submit(dir);
      await until(box, dir, 'done');
      assert.ok((await readRun(dir)).record.fingerprints.input);
    }
    const before = sent.length;
    await create(box, { input: './plain.txt' });
    assert.equal(sent.length, before, 'nothing is sent twice');
    assert.ok(!existsSync(path.join(cluster.home, 'pwned')));
  });

  it('shows nothing but its runs to a mirror that names another folder', async () => {
    const box = target();
    const dir = await create(box);
    const mirror = (await readMirror(dir))!;
    await mkdir(path.join(cluster.home, 'secret', 'artifacts'), { recursive: true });
    await writeFile(path.join(cluster.home, 'secret', 'artifacts', 'key'), 'secret');
    for (const from of ['/root/secret', `${mirror.from}/../../../secret`, path.dirname(mirror.from)]) {
      await writeMirror(dir, { ...mirror, from });
      await assert.rejects(box.refresh(dir), hasCode('target.outside'));
      await assert.rejects(box.fetch(dir, 'artifacts/key'), hasCode('target.outside'));
      await assert.rejects(box.submit(dir), hasCode('target.outside'));
    }
  });

  it('is started again: its runs are lost, and go on to the same bits', async () => {
    const box = target();
    const { dir, open: go } = await begin(box);
    await cluster.restart();
    await eventually('the run to be lost', async () => {
      box.client.retry();
      return (await box.state(dir)).state === 'lost';
    });
    await go();
    await box.submit(dir);
    await until(box, dir, 'done');
    await isWhole(dir);
  });
});

/** The process that holds a shared connection. */
async function holderOf({ host, configFile }: Remote, socket: string): Promise<number> {
  const { stderr } = await promisify(execFile)('ssh', ['-F', configFile!, '-S', socket, '-O', 'check', host]);
  return Number(/pid=(\d+)/.exec(stderr)?.[1]);
}
