import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster, lacking, remoteOn } from '../../servers/cluster';

interface Answer {
  readonly runtimes?: { readonly name: string; readonly installed: object | null }[];
  readonly error?: { readonly code: string; readonly message: string };
}

// What is downloaded for real has gigabytes; here is what a remote answers before that. `runtimes.test.ts` installs on this machine.
describe('the runtimes of a remote', { concurrency: false, skip: lacking('sshd') }, () => {
  let cluster: Cluster;
  let folder = '';
  before(async () => {
    cluster = await Cluster.open();
    folder = await mkdtemp(path.join(os.tmpdir(), 'wn-runtimes-'));
    const { name, ...remote } = remoteOn(cluster);
    await writeFile(path.join(folder, 'remotes.json'), JSON.stringify({ v: 1, remotes: { [name]: remote } }));
  });
  after(async () => {
    await cluster.close();
    await rm(folder, { recursive: true, force: true });
  });

  const runtime = (...args: string[]) =>
    new Promise<Answer>((resolve) => {
      const env = { ...process.env, WINNOW_REMOTES: path.join(folder, 'remotes.json') };
      const cli = path.resolve('dist', 'cli.js');
      execFile(process.execPath, [cli, 'runtime', ...args, '--on', 'box', '--json'], { env }, (_error, stdout) => {
        resolve(JSON.parse(stdout) as Answer);
      });
    });
  const code = async (...args: string[]) => (await runtime(...args)).error?.code;

  it('are listed', async () => {
    const { runtimes = [] } = await runtime('list');
    assert.deepEqual(
      runtimes.map(({ name, installed }) => [name, installed]),
      [
        ['cuda', null],
        ['tensorflow', null],
      ],
    );
  });

  it('are chosen for its driver, not for that of this machine', async () => {
    const fake = '#!/bin/sh\necho "0, GPU-a, NVIDIA Old, 470.1, 7.5, 1000, 1000, 0"\n';
    await writeFile(path.join(cluster.home, 'nvidia-smi'), fake, { mode: 0o755 });
    await cluster.startUp('PATH=$HOME:$PATH');
    assert.equal(await code('install', 'cuda'), 'runtime.driver');
    await rm(path.join(cluster.home, 'nvidia-smi'));
    assert.equal(await code('install', 'cuda'), 'runtime.no-gpu');
  });

  it('are verified and removed there', async () => {
    assert.equal(await code('verify', 'cuda'), 'runtime.not-installed');
    assert.equal(await code('remove', 'tensorflow'), 'runtime.not-installed');
    assert.equal(await code('install', 'rocm'), 'runtime.unknown');
  });
});
