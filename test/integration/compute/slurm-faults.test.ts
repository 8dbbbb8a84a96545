import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import { UserError } from '../../../core/errors';
import { runPaths } from '../../../core/experiments/run/directory';
import { lacking } from '../../servers/cluster';
import { RemoteBed } from './remote-bed';

/** Two partitions, of which one has its jobs requeued for those of the other. */
const PREEMPTION = `PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=low Nodes=n1 PriorityTier=1 PreemptMode=REQUEUE MaxTime=INFINITE DefaultTime=01:00:00 State=UP
PartitionName=high Nodes=n1 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE DefaultTime=01:00:00 State=UP`;

describe('a cluster with Slurm', { concurrency: false, skip: lacking('sshd', 'slurmctld', 'slurmd', 'munged') }, () => {
  let bed: RemoteBed;
  before(async () => {
    bed = await RemoteBed.open({ SLURM: '1', CPUS: '4', EXTRA_CONF: PREEMPTION });
  });
  afterEach(() => bed.tidy());
  after(() => bed.close());

  const slurm = (...args: string[]) => bed.cluster.inside(...args);
  const jobsOn = (settings: object = {}, more: object = {}) =>
    bed.target({ slurm: slurmSettings.parse({ memory: '100M', grace: 0, ...settings }), ...more });
  const jobOf = async (dir: string) =>
    (JSON.parse(await readFile(path.join(await bed.there(dir), 'job.json'), 'utf8')) as { job: string }).job;

  it('warns a run before its time limit: it saves a checkpoint, goes back to the queue, and ends with the same bits', async () => {
    const box = jobsOn();
    const { dir, open: go } = await bed.begin(box);
    const job = await jobOf(dir);
    // What Slurm sends before the time limit (--signal); limits are whole minutes, which would take too long.
    await slurm('scancel', '--batch', '--signal=USR2', job);
    assert.equal(await bed.until(box, dir, 'pending', 'failed', 'lost'), 'pending');
    assert.notEqual((await box.state(dir)).status.reason?.message ?? '', '');
    await go();
    assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
    assert.equal((await box.state(dir)).status.attempt, 2);
    assert.equal(await jobOf(dir), job, 'it is the same job');
    await bed.isWholeAgain(dir);
    const log = await readFile(runPaths(dir).log, 'utf8');
    assert.match(log, /from step 0[^]*from step 10/, 'the output of both attempts is kept');
  });

  it('preempts a run for another one: it is requeued, not failed', async () => {
    const low = jobsOn({ partition: 'low', cpus: 4 });
    const { dir, open: go } = await bed.begin(low);
    const high = jobsOn({ partition: 'high', cpus: 4 }, { name: 'urgent' });
    const other = await bed.begin(high);
    assert.equal(await bed.until(low, dir, 'pending', 'failed', 'lost', 'done'), 'pending');
    await other.open();
    await go();
    assert.equal(await bed.until(high, other.dir, 'done', 'failed', 'lost'), 'done');
    assert.equal(await bed.until(low, dir, 'done', 'failed', 'lost'), 'done');
    await bed.isWholeAgain(dir);
    await bed.isWholeAgain(other.dir);
  });

  it('loses a node: the run is requeued, and goes on when the node is back', async () => {
    const box = jobsOn();
    const { dir, open: go } = await bed.begin(box);
    await slurm('scontrol', 'update', 'NodeName=n1', 'State=DOWN', 'Reason=test');
    assert.equal(await bed.until(box, dir, 'pending', 'failed', 'lost'), 'pending');
    await go();
    // It may have come back by itself.
    await slurm('scontrol', 'update', 'NodeName=n1', 'State=RESUME').catch(() => undefined);
    assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
    await bed.isWholeAgain(dir);
  });

  it('has a job cancelled from outside: the run is stopped with a checkpoint, and can be resumed', async () => {
    const box = jobsOn();
    const { dir, open: go } = await bed.begin(box);
    await slurm('scancel', await jobOf(dir));
    assert.equal(await bed.until(box, dir, 'stopped', 'pending', 'failed', 'lost'), 'stopped');
    assert.match((await box.state(dir)).status.reason?.message ?? '', /cancelled/);
    await go();
    await box.submit(dir);
    assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
    await bed.isWholeAgain(dir);
  });

  it('may have its folder anywhere: no character of its name means anything to sbatch, its job or their shells', async () => {
    const folder = `~/it's "my" $HOME \`id\` $(touch pwned) %j %A -- ü ; # !/winnow`;
    const box = jobsOn({}, { folder });
    const dir = await bed.create(box, { name: `-n "$(touch pwned)" 'x' %j\nüb` });
    await box.submit(dir);
    assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
    await bed.isWhole(dir);
    assert.match(await readFile(runPaths(dir).log, 'utf8'), /from step 0/, 'its log is where it belongs');
    assert.equal(await slurm('find', '/root', '-name', 'pwned'), '');
  });

  it('refuses a job: its own words, and nothing waits for ever', async () => {
    const box = jobsOn({ partition: 'nosuch' });
    const dir = await bed.create(box);
    await assert.rejects(box.submit(dir), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, 'slurm.refused');
      assert.match(error.message, /partition/i);
      return true;
    });
    const { state, status } = await box.state(dir);
    assert.deepEqual([state, status.reason?.code], ['failed', 'slurm.refused']);
    const mended = jobsOn();
    await mended.submit(dir);
    assert.equal(await bed.until(mended, dir, 'done', 'failed', 'lost'), 'done');
  });

  it('says of a job that is held how to let it go', async () => {
    const box = jobsOn({ options: ['--hold'] });
    const dir = await bed.create(box);
    await box.submit(dir);
    await bed.until(box, dir, 'pending');
    assert.match((await box.state(dir)).status.reason?.message ?? '', /scontrol release/);
    await slurm('scontrol', 'release', await jobOf(dir));
    assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
  });

  it('has a controller that does not answer: nothing is concluded, and the run is followed again later', async () => {
    const box = jobsOn({}, { patience: 120 });
    const { dir, open: go } = await bed.begin(box);
    const pid = (await readFile(path.join(bed.cluster.folder, 'slurm', 'run', 'slurmctld.pid'), 'utf8')).trim();
    await slurm('kill', '-STOP', pid);
    try {
      assert.equal((await box.state(dir)).state, 'running');
      await go();
      assert.ok(['running', 'done'].includes((await box.state(dir)).state));
    } finally {
      await slurm('kill', '-CONT', pid);
    }
    assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
    await bed.isWholeAgain(dir);
  });

  /** Programs before Slurm's own on the PATH of a login there. */
  const wrapped = async (name: string, script: string) => {
    const bin = path.join(bed.cluster.home, 'wrappers');
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(bin, name), 0o755);
    return { setup: ['PATH=/root/wrappers:$PATH; export PATH'] };
  };

  for (const [what, script] of Object.entries({
    'an error': 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1',
    'nothing, and says that all is well': 'exit 0',
    'an answer that is cut off': 'printf "ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON\\n12|N/A|RUNN"',
    'a head and nothing else, though the job runs': 'echo "ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON"',
  }))
    it(`answers with ${what}: a run that works is not ended`, async () => {
      const box = jobsOn({}, await wrapped('squeue', script));
      const { dir, open: go } = await bed.begin(box);
      for (let i = 0; i < 3; i++) assert.equal((await box.state(dir)).state, 'running');
      await go();
      await box.client.close();
      await rm(path.join(bed.cluster.home, 'wrappers', 'squeue'));
      box.client.retry();
      assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
      await bed.isWholeAgain(dir);
    });

  for (const [what, script] of Object.entries({
    'notices around the number': 'echo "Using the default partition"; /usr/bin/sbatch "$@"; echo "Have a nice day 2"',
    'a sentence': '/usr/bin/sbatch "$@" | sed "s/^/Submitted batch job /"',
    'the cluster after the number': '/usr/bin/sbatch "$@" | sed "s/$/;testcluster/"',
    'no number at all': '/usr/bin/sbatch "$@" > /dev/null; echo submitted',
    'an unknown option':
      'for a; do [ "$a" = --parsable ] && { echo "sbatch: unrecognized option --parsable" >&2; exit 1; }; done; exec /usr/bin/sbatch "$@"',
  }))
    it(`has an sbatch that prints ${what}: its job is found`, async () => {
      const box = jobsOn({}, await wrapped('sbatch', script));
      const dir = await bed.create(box);
      await box.submit(dir);
      assert.match(await jobOf(dir), /^\d+$/);
      assert.equal(await bed.until(box, dir, 'done', 'failed', 'lost'), 'done');
      await rm(path.join(bed.cluster.home, 'wrappers', 'sbatch'));
    });
});
