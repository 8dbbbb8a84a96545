import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { processIdentity } from '../../../core/workers/process';
import { readStatus } from '../../../core/experiments/run/status';
import { runPaths } from '../../../core/experiments/run/directory';
import { Cluster, lacking } from '../../servers/cluster';
import { targetOn } from './remote';
import { contract } from './contract';

const why = lacking('sshd');

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
