import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import { lacking } from '../../servers/cluster';
import { outcome } from '../experiments/workbench';
import { hasCode, RemoteBed } from './remote-bed';

describe(
  'Slurm on this machine, without ssh',
  { concurrency: false, skip: lacking('sshd', 'slurmctld', 'slurmd', 'munged') },
  () => {
    let bed: RemoteBed;
    before(async () => {
      bed = await RemoteBed.open({ SLURM: '1' });
    });
    after(() => bed.close());

    const onSlurm = () =>
      bed.target({
        here: true,
        // What would happen if it were reached with ssh.
        host: 'no-such-host.invalid',
        folder: path.join(bed.cluster.folder, 'here'),
        setup: [`export SLURM_CONF=${path.join(bed.cluster.folder, 'slurm', 'slurm.conf')}`],
        slurm: slurmSettings.parse({ memory: '100M', grace: 0 }),
      });

    it('leaves it to the node whether its device is there: the login node has no GPU', async () => {
      // Nothing but a Mac has it.
      const device = { provider: 'coreml', threads: 1 };
      await assert.rejects(bed.create(bed.target(), { device }), hasCode('device.unavailable'));
      const here = onSlurm();
      const dir = await bed.create(here, { device });
      await here.submit(dir);
      await bed.until(here, dir, 'failed');
      const { status } = await here.state(dir);
      assert.equal(status.reason?.code, 'device.unavailable');
    });

    it('runs jobs, in a folder that the nodes see too, and they end with the same bits', async () => {
      const conf = path.join(bed.cluster.folder, 'slurm', 'slurm.conf');
      const here = onSlurm();
      const dir = await bed.create(here);
      await here.submit(dir);
      await bed.until(here, dir, 'done');
      assert.deepEqual(await outcome(dir), bed.whole);
      const env = { ...process.env, SLURM_CONF: conf };
      assert.match(execFileSync('scontrol', ['show', 'jobs'], { env, encoding: 'utf8' }), /JobState=COMPLETED/);
    });

    it('is added by its own option alone', () => {
      const add = (...args: string[]) => {
        const env = { ...process.env, WINNOW_REMOTES: path.join(bed.cluster.folder, 'remotes.json') };
        const cli = [path.resolve('dist', 'cli.js'), 'remote', 'add', 'slurm', ...args, '--no-check', '--json'];
        return JSON.parse(spawnSync(process.execPath, cli, { env, encoding: 'utf8' }).stdout) as {
          error?: { code: string };
          remote?: { here?: true; slurm?: object };
        };
      };
      assert.equal(add('--here').error?.code, 'remote.invalid');
      assert.equal(add('host', '--here', '--slurm').error?.code, 'remote.invalid');
      const { remote } = add('--here', '--slurm');
      assert.deepEqual([remote?.here, typeof remote?.slurm], [true, 'object']);
    });
  },
);
