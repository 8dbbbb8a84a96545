import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { sharedSocket } from '../../../core/compute/ssh/sharing';
import { readRun } from '../../../core/experiments/library/store';
import { readEvents } from '../../../core/experiments/run/event-log';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import { eventually } from '../../patience';
import { Cluster, lacking, remoteOn } from '../../servers/cluster';

const ERRORS = 60_000;
/** Reads its standard input, prints much, leaves a process behind in a session of its own, and waits. */
const PROGRAM = `echo "input $(wc -c)"
grep SigIgn /proc/self/status
yes 'a line of errors' | head -n ${ERRORS} >&2
(trap '' TERM HUP; exec sleep 7001) &
setsid sleep 7002 &
echo "step 1 loss 0.5"
while [ ! -e gate ]; do sleep 0.1; done
echo "step 2 loss 0.25"
echo "the end"
`;

describe('a program of the user on a remote', { concurrency: false, skip: lacking('sshd') }, () => {
  let cluster: Cluster;
  let folder = '';
  let env: NodeJS.ProcessEnv = {};
  before(async () => {
    cluster = await Cluster.open();
    folder = await mkdtemp(path.join(tmpdir(), 'wn-program-'));
    const { name, ...remote } = remoteOn(cluster);
    await writeFile(path.join(folder, 'remotes.json'), JSON.stringify({ v: 1, remotes: { [name]: remote } }));
    env = { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: path.join(folder, 'remotes.json') };
    await writeFile(path.join(folder, 'program.sh'), PROGRAM);
    const spec = { method: 'command', command: ['/bin/sh', 'program.sh'], target: 'box' };
    await writeFile(path.join(folder, 'program.winnow.json'), JSON.stringify(spec));
  });
  after(async () => {
    await cluster.close();
    await rm(folder, { recursive: true, force: true });
  });

  const cli = [path.resolve('dist', 'cli.js')];
  const winnow = (...args: string[]) => promisify(execFile)(process.execPath, [...cli, ...args], { env, cwd: folder });
  const losses = async (dir: string) =>
    (await readEvents(path.join(dir, 'events.jsonl'))).events.flatMap((event) =>
      event.type === 'metrics' ? (event.values.loss ?? []) : [],
    );
  /** The run that was started last, once its program waits. */
  const waiting = async (before_: readonly string[]) => {
    const runs = path.join(folder, 'runs');
    return eventually('the program to wait', async () => {
      const names = (await readdir(runs).catch(() => [])).filter((one) => /^\d/.test(one) && !before_.includes(one));
      const dir = names[0] && path.join(runs, names[0]);
      return dir && (await losses(dir)).length === 1 && dir;
    });
  };
  const there = async (dir: string) => path.join(cluster.home, path.relative('/root', (await readMirror(dir))!.from));
  const alive = async (what: string) => (await cluster.inside('pgrep', '-f', what).catch(() => '')).trim();

  it('goes on when whoever started it is killed, with the connection: nothing of its output is lost, no signal is ignored', async () => {
    const client = spawn(process.execPath, [...cli, 'run', 'program.winnow.json'], {
      env,
      cwd: folder,
      stdio: 'ignore',
    });
    const dir = await waiting([]);
    const gone = new Promise((resolve) => client.once('close', resolve));
    client.kill('SIGKILL');
    await gone;
    const socket = sharedSocket(remoteOn(cluster))!;
    const { stderr } = await promisify(execFile)('ssh', [
      '-F',
      cluster.configFile,
      '-S',
      socket,
      '-O',
      'check',
      'testhost',
    ]);
    process.kill(Number(/pid=(\d+)/.exec(stderr)![1]), 'SIGKILL');
    await cluster.fault('drop');

    const work = path.join(cluster.home, '.winnow', 'work');
    for (const one of await readdir(work)) await writeFile(path.join(work, one, 'gate'), '');
    const status = path.join(await there(dir), 'status.json');
    await eventually('the run to end there', async () => (await readFile(status, 'utf8')).includes('"state": "done"'));
    await winnow('sync', '--retry');
    const run = await readRun(dir);
    assert.equal(run.state, 'done');
    assert.deepEqual(await losses(dir), [0.5, 0.25]);
    const log = await readFile(path.join(dir, 'log.txt'), 'utf8');
    assert.match(log, /input 0\n/, 'its input is empty, and at its end');
    assert.match(log, /the end/);
    assert.equal(log.split('a line of errors').length - 1, ERRORS);
    // Bits of SIGHUP, SIGPIPE and SIGTERM.
    const ignored = BigInt(`0x${/SigIgn:\s*(\w+)/.exec(log)![1]!}`);
    for (const signal of [1, 13, 15]) assert.equal((ignored >> BigInt(signal - 1)) & 1n, 0n, `signal ${signal}`);
  });

  it('leaves nothing behind when it is stopped at once', async () => {
    const before_ = await readdir(path.join(folder, 'runs'));
    // A process that has left the program's session stays when the program ends by itself, as a server that it has started may be meant to.
    await cluster.inside('pkill', '-f', 'sleep 7002');
    await winnow('run', 'program.winnow.json', '--detach');
    const following = spawn(process.execPath, [...cli, 'sync', '--follow'], { env, cwd: folder, stdio: 'ignore' });
    const dir = await waiting(before_);
    following.kill();
    for (const what of ['sleep 7001', 'sleep 7002']) assert.notEqual(await alive(what), '', what);
    await winnow('stop', path.basename(dir), '--force');
    assert.equal((await readRun(dir)).state, 'stopped');
    for (const what of ['program.sh', 'sleep 7001', 'sleep 7002']) assert.equal(await alive(what), '', what);
  });
});
