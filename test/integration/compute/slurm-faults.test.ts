import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { UserError } from '../../../core/errors';
import { readRun } from '../../../core/experiments/library/store';
import { createRegistry } from '../../../core/experiments/registry';
import { runPaths } from '../../../core/experiments/run/directory';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { eventually } from '../../patience';
import { Cluster, lacking } from '../../servers/cluster';
import { outcome, Workbench } from '../experiments/workbench';
import { targetOn } from './remote';

const SETTINGS = { seed: 11, steps: 40, checkpointEvery: 7 };

/** Two partitions, of which one has its jobs requeued for those of the other. */
const PREEMPTION = `PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=low Nodes=n1 PriorityTier=1 PreemptMode=REQUEUE MaxTime=INFINITE DefaultTime=01:00:00 State=UP
PartitionName=high Nodes=n1 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE DefaultTime=01:00:00 State=UP`;

describe('a cluster with Slurm', { concurrency: false, skip: lacking('sshd', 'slurmctld', 'slurmd', 'munged') }, () => {
  let bench: Workbench;
  let cluster: Cluster;
  let whole: Awaited<ReturnType<typeof outcome>>;
  const open: SshCompute[] = [];
  before(async () => {
    bench = await Workbench.open();
    whole = await outcome(String((await bench.json(0, 'run', await bench.spec(SETTINGS, 'whole'))).dir));
    cluster = await Cluster.open({ SLURM: '1', CPUS: '4', EXTRA_CONF: PREEMPTION });
  });
  after(async () => {
    for (const target of open.splice(0)) await target.client.close();
    await cluster.close();
    await bench.close();
  });
  afterEach(async () => {
    await rm(path.join(cluster.home, '.profile'), { force: true });
  });

  const slurm = (...args: string[]) => cluster.inside(...args);
  const target = (settings: object = {}, more: object = {}) => {
    const one = targetOn(cluster, bench, {
      slurm: slurmSettings.parse({ memory: '100M', grace: 0, ...settings }),
      ...more,
    });
    open.push(one);
    return one;
  };
  let specs = 0;
  const create = async (on: SshCompute, settings: object = {}) => {
    const file = await bench.spec({ ...SETTINGS, ...settings }, `job-${specs++}`);
    return on.create(await loadSpec(file, createRegistry([arithmetic])), bench.runs);
  };
  const until = (on: SshCompute, dir: string, ...wanted: string[]) =>
    eventually(`${dir} to be ${wanted.join(' or ')}`, async () => {
      const { state } = await on.state(dir);
      return wanted.includes(state) ? state : undefined;
    });
  const there = async (dir: string) => path.join(cluster.home, path.relative('/root', (await readMirror(dir))!.from));
  const jobOf = async (dir: string) =>
    (JSON.parse(await readFile(path.join(await there(dir), 'job.json'), 'utf8')) as { job: string }).job;
  const openGate = async (name: string) => {
    const inputs = path.join(cluster.home, '.winnow', 'inputs');
    for (const tree of await readdir(inputs)) await writeFile(path.join(inputs, tree, name), '');
  };
  /** A run that waits at a gate after ten steps. */
  const begin = async (on: SshCompute) => {
    const gate = `gate-${specs}`;
    const dir = await create(on, { gate });
    await on.submit(dir);
    await eventually('the gate', async () => {
      await on.state(dir);
      return ((await readRun(dir)).history.metrics.get('iterate')?.length ?? 0) === 10;
    });
    return { dir, open: () => openGate(gate) };
  };
  const isWhole = async (dir: string) => {
    const { result, metrics } = await outcome(dir);
    assert.deepEqual({ result, metrics }, { result: whole.result, metrics: whole.metrics });
  };

  it('warns a run before its time limit: it saves a checkpoint, goes back to the queue, and ends with the same bits', async () => {
    const box = target();
    const { dir, open: go } = await begin(box);
    const job = await jobOf(dir);
    // What Slurm sends before the time limit (--signal); limits are whole minutes, which would take too long.
    await slurm('scancel', '--batch', '--signal=USR2', job);
    assert.equal(await until(box, dir, 'pending', 'failed', 'lost'), 'pending');
    assert.notEqual((await box.state(dir)).status.reason?.message ?? '', '');
    await go();
    assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
    assert.equal((await box.state(dir)).status.attempt, 2);
    assert.equal(await jobOf(dir), job, 'it is the same job');
    await isWhole(dir);
    const log = await readFile(runPaths(dir).log, 'utf8');
    assert.match(log, /from step 0[^]*from step 10/, 'the output of both attempts is kept');
  });

  it('preempts a run for another one: it is requeued, not failed', async () => {
    const low = target({ partition: 'low', cpus: 4 });
    const { dir, open: go } = await begin(low);
    const high = target({ partition: 'high', cpus: 4 }, { name: 'urgent' });
    const other = await begin(high);
    assert.equal(await until(low, dir, 'pending', 'failed', 'lost', 'done'), 'pending');
    await other.open();
    await go();
    assert.equal(await until(high, other.dir, 'done', 'failed', 'lost'), 'done');
    assert.equal(await until(low, dir, 'done', 'failed', 'lost'), 'done');
    await isWhole(dir);
    await isWhole(other.dir);
  });

  it('loses a node: the run is requeued, and goes on when the node is back', async () => {
    const box = target();
    const { dir, open: go } = await begin(box);
    await slurm('scontrol', 'update', 'NodeName=n1', 'State=DOWN', 'Reason=test');
    assert.equal(await until(box, dir, 'pending', 'failed', 'lost'), 'pending');
    await go();
    // It may have come back by itself.
    await slurm('scontrol', 'update', 'NodeName=n1', 'State=RESUME').catch(() => undefined);
    assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
    await isWhole(dir);
  });

  it('has a job cancelled from outside: the run is stopped with a checkpoint, and can be resumed', async () => {
    const box = target();
    const { dir, open: go } = await begin(box);
    await slurm('scancel', await jobOf(dir));
    assert.equal(await until(box, dir, 'stopped', 'pending', 'failed', 'lost'), 'stopped');
    assert.match((await box.state(dir)).status.reason?.message ?? '', /cancelled/);
    await go();
    await box.submit(dir);
    assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
    await isWhole(dir);
  });

  it('refuses a job: its own words, and nothing waits for ever', async () => {
    const box = target({ partition: 'nosuch' });
    const dir = await create(box);
    await assert.rejects(box.submit(dir), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, 'slurm.refused');
      assert.match(error.message, /partition/i);
      return true;
    });
    assert.equal((await box.state(dir)).state, 'queued');
  });

  it('says of a job that is held how to let it go', async () => {
    const box = target({ options: ['--hold'] });
    const dir = await create(box);
    await box.submit(dir);
    await until(box, dir, 'pending');
    assert.match((await box.state(dir)).status.reason?.message ?? '', /scontrol release/);
    await slurm('scontrol', 'release', await jobOf(dir));
    assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
  });

  it('has a controller that does not answer: nothing is concluded, and the run is followed again later', async () => {
    const box = target({}, { patience: 120 });
    const { dir, open: go } = await begin(box);
    const pid = (await readFile(path.join(cluster.folder, 'slurm', 'run', 'slurmctld.pid'), 'utf8')).trim();
    await slurm('kill', '-STOP', pid);
    try {
      assert.equal((await box.state(dir)).state, 'running');
      await go();
      assert.ok(['running', 'done'].includes((await box.state(dir)).state));
    } finally {
      await slurm('kill', '-CONT', pid);
    }
    assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
    await isWhole(dir);
  });

  /** Programs before Slurm's own on the PATH of a login there. */
  const wrapped = async (name: string, script: string) => {
    const bin = path.join(cluster.home, 'wrappers');
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(bin, name), 0o755);
    return { setup: ['PATH=/root/wrappers:$PATH; export PATH'] };
  };

  for (const [what, script] of Object.entries({
    'an error': 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1',
    'nothing, and says that all is well': 'exit 0',
    'an answer that is cut off': 'printf "JOBID|STATE|REASON\\n12|RUNN"',
    'a head and nothing else, though the job runs': 'echo "JOBID|STATE|REASON"',
  }))
    it(`answers with ${what}: a run that works is not ended`, async () => {
      const box = target({}, await wrapped('squeue', script));
      const { dir, open: go } = await begin(box);
      for (let i = 0; i < 3; i++) assert.equal((await box.state(dir)).state, 'running');
      await go();
      await box.client.close();
      await rm(path.join(cluster.home, 'wrappers', 'squeue'));
      box.client.retry();
      assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
      await isWhole(dir);
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
      const box = target({}, await wrapped('sbatch', script));
      const dir = await create(box);
      await box.submit(dir);
      assert.match(await jobOf(dir), /^\d+$/);
      assert.equal(await until(box, dir, 'done', 'failed', 'lost'), 'done');
      await rm(path.join(cluster.home, 'wrappers', 'sbatch'));
    });
});
