import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { runPaths } from '../../../core/experiments/run/directory';
import { readStatus } from '../../../core/experiments/run/status';
import { processIdentity } from '../../../core/workers/process';
import type { Subject } from './contract';
import type { Remote } from '../../../core/compute/remotes';
import { ShippedBundle } from '../../../core/compute/ssh/bundle';
import { sshTarget, type TargetOptions } from '../../../core/compute/targets';
import { remoteOn, type Cluster } from '../../servers/cluster';
import type { Workbench } from '../experiments/workbench';

/** The target of a remote on a cluster, with the programs of a workbench. */
export const targetOn = (cluster: Cluster, bench: Workbench, more: Partial<Remote> = {}, options: TargetOptions = {}) =>
  sshTarget(remoteOn(cluster, more), { bundle: new ShippedBundle(bench.folder), ...options });

/** A target on a cluster as the contract tests it. */
export const subjectOn = (cluster: Cluster, target: SshCompute): Subject => ({
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
});
