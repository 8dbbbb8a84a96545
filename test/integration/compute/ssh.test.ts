import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { sshTarget } from '../../../core/compute/targets';
import type { Remote } from '../../../core/compute/remotes';
import { ShippedBundle } from '../../../core/compute/ssh/bundle';
import { processIdentity } from '../../../core/workers/process';
import { readStatus } from '../../../core/experiments/run/status';
import { runPaths } from '../../../core/experiments/run/directory';
import type { Workbench } from '../experiments/workbench';
import { Cluster, lacking } from './cluster';
import { contract } from './contract';

const why = lacking('sshd');

/** A remote on a cluster, with the programs of a workbench. */
export function remoteOn(cluster: Cluster, more: Partial<Remote> = {}): Remote {
  return {
    name: 'box',
    kind: 'ssh',
    host: 'testhost',
    folder: '~/.winnow',
    setup: [],
    patience: 30,
    configFile: cluster.configFile,
    ...more,
  };
}

const targetOn = (cluster: Cluster, bench: Workbench, more: Partial<Remote> = {}) =>
  sshTarget(remoteOn(cluster, more), { bundle: new ShippedBundle(bench.folder) });

if (why) describe('the compute target over SSH', () => it('is tested', { skip: why }));
else
  contract('over SSH', async (bench) => {
    const cluster = await Cluster.open();
    const target = targetOn(cluster, bench);
    return {
      target,
      worker: async (dir) => {
        const { worker } = await readStatus(runPaths(dir).status);
        const pid = String(processIdentity.parse(worker?.handle).pid);
        return {
          kill: async () => {
            await cluster.inside('kill', '-KILL', pid);
          },
          isAlive: () =>
            cluster.inside('kill', '-0', pid).then(
              () => true,
              () => false,
            ),
        };
      },
      openGate: async (name) => {
        const inputs = path.join(cluster.home, '.winnow', 'inputs');
        for (const tree of await readdir(inputs)) await writeFile(path.join(inputs, tree, name), '');
      },
      close: async () => {
        await target.client.close();
        await cluster.close();
      },
    };
  });
