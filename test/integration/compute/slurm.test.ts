import { describe, it } from 'node:test';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import { Cluster, lacking } from '../../servers/cluster';
import { contract } from './contract';
import { subjectOn, targetOn } from './remote-bed';

const why = lacking('sshd', 'slurmctld', 'slurmd', 'munged');

if (why) describe('the compute target through Slurm', () => it('is tested', { skip: why }));
else
  contract('through Slurm', async (bench) => {
    const cluster = await Cluster.open({ SLURM: '1' });
    const slurm = slurmSettings.parse({ memory: '100M', grace: 0 });
    return {
      ...subjectOn(cluster, targetOn(cluster, bench, { slurm })),
      queue: {
        hold: async () => {
          await cluster.inside('scontrol', 'update', 'PartitionName=main', 'State=DOWN');
        },
        release: async () => {
          await cluster.inside('scontrol', 'update', 'PartitionName=main', 'State=UP');
        },
      },
    };
  });
