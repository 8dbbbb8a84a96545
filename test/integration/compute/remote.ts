import type { Remote } from '../../../core/compute/remotes';
import { ShippedBundle } from '../../../core/compute/ssh/bundle';
import { sshTarget, type TargetOptions } from '../../../core/compute/targets';
import { remoteOn, type Cluster } from '../../servers/cluster';
import type { Workbench } from '../experiments/workbench';

/** The target of a remote on a cluster, with the programs of a workbench. */
export const targetOn = (cluster: Cluster, bench: Workbench, more: Partial<Remote> = {}, options: TargetOptions = {}) =>
  sshTarget(remoteOn(cluster, more), { bundle: new ShippedBundle(bench.folder), ...options });
