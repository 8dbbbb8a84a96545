import { describe, it } from 'node:test';
import { Cluster, lacking } from '../../servers/cluster';
import { contract } from './contract';
import { subjectOn, targetOn } from './remote-bed';

const why = lacking('sshd');

if (why) describe('the compute target over SSH', () => it('is tested', { skip: why }));
else
  contract('over SSH', async (bench) => {
    const cluster = await Cluster.open();
    return subjectOn(cluster, targetOn(cluster, bench));
  });
