import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { readJob } from '../../../core/compute/slurm/job-file';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { readRun } from '../../../core/experiments/library/store';
import { runPaths } from '../../../core/experiments/run/directory';
import { readEvents } from '../../../core/experiments/run/event-log';
import { createRegistry } from '../../../core/experiments/registry';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { sums } from '../../fixtures/experiments/sums';
import { eventually } from '../../patience';
import { lacking } from '../../servers/cluster';
import { RemoteBed, says } from './remote-bed';

/** Few enough for a test of what happens where there are more. */
const SMALL_ARRAYS = 'MaxArraySize=101';

describe(
  'a comparison whose trials are jobs of Slurm',
  { concurrency: false, skip: lacking('sshd', 'slurmctld', 'slurmd', 'munged') },
  () => {
    let bed: RemoteBed;
    before(async () => {
      bed = await RemoteBed.open({ SLURM: '1', CPUS: '8', EXTRA_CONF: SMALL_ARRAYS });
    });
    afterEach(() => bed.tidy());
    after(() => bed.close());

    const slurm = (...args: string[]) => bed.cluster.inside(...args);
    const jobsOn = (settings: object = {}, more: object = {}) =>
      bed.target({ slurm: slurmSettings.parse({ memory: '50M', grace: 0, concurrent: 4, ...settings }), ...more });
    let specs = 0;
    const specOf = async (settings: object) => {
      const file = await bed.bench.spec({ method: 'sums', seed: 5, ...settings }, `sums-${specs++}`);
      return file;
    };
    const create = async (on: SshCompute, settings: object) =>
      on.create(await loadSpec(await specOf(settings), createRegistry([sums])), bed.bench.runs);
    /** The same on this machine, by one worker. */
    const onOneMachine = async (settings: object) =>
      String((await bed.bench.json(0, 'run', await specOf(settings))).dir);
    const results = (dir: string) => readFile(path.join(runPaths(dir).artifacts, 'results.json'), 'utf8');
    /** Every line of every curve, by trial. */
    const curves = async (dir: string) => {
      assert.deepEqual((await readEvents(runPaths(dir).events)).problems, []);
      const { history } = await readRun(dir);
      return new Map(
        [...history.metrics]
          .map(([phase, lines]) => [phase, lines.map(({ step, values }) => ({ step, values }))] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    };
    const isTheSame = async (dir: string, whole: string) => {
      assert.equal(await results(dir), await results(whole));
      assert.ok((await curves(whole)).size > 0);
      assert.deepEqual(await curves(dir), await curves(whole));
      await bed.isCopied(dir);
    };
    /** How many trials wait at their gate, for all that is seen of them here. */
    const atGate = async (dir: string) =>
      [...(await curves(dir)).values()].filter((lines) => lines.length === 10).length;
    const jobsOf = async (dir: string) => (await readJob(await bed.there(dir)))!;
    const reason = async (on: SshCompute, dir: string) => (await on.state(dir)).status.reason?.message ?? '';
    const open = async (name: string) => {
      const inputs = path.join(bed.cluster.home, '.winnow', 'inputs');
      for (const tree of await readdir(inputs)) await writeFile(path.join(inputs, tree, name), '');
    };
    const close = async (name: string) => {
      const inputs = path.join(bed.cluster.home, '.winnow', 'inputs');
      for (const tree of await readdir(inputs)) await rm(path.join(inputs, tree, name), { force: true });
    };
    const startsOf = async (dir: string, trial: string) =>
      (await readFile(runPaths(dir).log, 'utf8')).split(`${trial} from step`).length - 1;

    it('ends with the bits of one machine: results, and every curve', async () => {
      const settings = { variants: 4, seeds: 3 };
      const whole = await onOneMachine(settings);
      const box = jobsOn();
      const dir = await create(box, settings);
      await box.submit(dir);
      const { arrays, trials } = await jobsOf(dir);
      assert.deepEqual([arrays.length, trials.length], [1, 12]);
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, whole);
      assert.match(await slurm('scontrol', 'show', 'job', arrays[0]!.job!), /ArrayTaskThrottle=4/);
    });

    it('says how many trials are done, run and wait; results and curves grow meanwhile', async () => {
      const gated = ['v0', 'v1', 'v2', 'v3'].flatMap((name) => [`${name}-seed-6`, `${name}-seed-7`]);
      const box = jobsOn();
      const dir = await create(box, { variants: 4, seeds: 3, gate: 'open-1', gated });
      await box.submit(dir);
      const words = await eventually('the words', async () => {
        const { state, status } = await box.state(dir);
        return state === 'running' && (status.reason?.message ?? '').startsWith('4 of 12 trials done, 4 running')
          ? status.reason!.message
          : undefined;
      });
      assert.equal(words, '4 of 12 trials done, 4 running, 4 pending');
      assert.match(await results(dir), /"seeds": ?\[\s*5\s*\]/);
      assert.ok((await curves(dir)).get('v0-seed-5')!.length === 20, 'a curve that is complete');
      const seen = await bed.bench.winnow('list');
      assert.match(seen.stdout, /4 of 12 trials done/);
      const there = (await box.runs()).find(({ record }) => record.id === path.basename(dir));
      assert.equal(there?.state, 'running', 'a list of what is there says so, too');
      await open('open-1');
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine({ variants: 4, seeds: 3 }));
    });

    it('a family: each trial waits for the one it starts from, as a job of its own', async () => {
      const settings = { variants: 4, seeds: 2, chain: true };
      const box = jobsOn({ concurrent: 100 });
      const dir = await create(box, settings);
      await box.submit(dir);
      assert.equal((await jobsOf(dir)).arrays.length, 4);
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine(settings));
    });

    it('one hundred tasks', async () => {
      const settings = { variants: 20, seeds: 5, steps: 3 };
      const box = jobsOn({ concurrent: 8, memory: '20M' });
      const dir = await create(box, settings);
      await box.submit(dir);
      assert.equal(Object.keys((await jobsOf(dir)).arrays[0]!.tasks).length, 100);
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine(settings));
    });

    it('more trials than an array may have: several arrays, or several trials to a job', async () => {
      const settings = { variants: 21, seeds: 5, steps: 2, gate: 'never', gateAt: 1 };
      const box = jobsOn({ concurrent: 2, options: ['--hold'] });
      const dir = await create(box, settings);
      await box.submit(dir);
      const two = await jobsOf(dir);
      assert.deepEqual(
        two.arrays.map(({ tasks }) => Object.keys(tasks).length),
        [101, 4],
      );
      await box.stop(dir, { force: false });
      assert.equal((await box.state(dir)).state, 'stopped');
      assert.match(await reason(box, dir), /0 of 105 trials are done/);
      const several = jobsOn({ concurrent: 2, options: ['--hold'], trialsPerJob: 10 });
      await several.submit(dir);
      assert.deepEqual(
        (await jobsOf(dir)).arrays.map(({ tasks }) => Object.keys(tasks).length),
        [11],
      );
      await several.stop(dir, { force: true });
      assert.equal((await slurm('squeue', '--noheader')).trim(), '', 'nothing is left in the queue');
    });

    it('refuses a part: nothing of the run is left in the queue', async () => {
      const bin = path.join(bed.cluster.home, 'refusing');
      await mkdir(bin, { recursive: true });
      const count = path.join('/root', 'refusing', 'count');
      const script = `#!/bin/sh
echo x >> ${count}
[ $(wc -l < ${count}) -lt 3 ] && exec /usr/bin/sbatch "$@"
echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2
echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy" >&2
exit 1
`;
      await writeFile(path.join(bin, 'sbatch'), script);
      await chmod(path.join(bin, 'sbatch'), 0o755);
      const box = jobsOn({ options: ['--hold'] }, { setup: ['PATH=/root/refusing:$PATH; export PATH'] });
      const dir = await create(box, { variants: 4, seeds: 1, chain: true });
      await assert.rejects(box.submit(dir), says('slurm.refused', /QOS policy/, /--trials-per-job/));
      assert.equal((await box.state(dir)).state, 'failed');
      assert.equal((await slurm('squeue', '--noheader')).trim(), '');
    });

    it('one trial fails and one is killed: the others go on, the run says which, and resume runs only these', async () => {
      await close('mended');
      const box = jobsOn();
      const settings = { variants: 3, seeds: 2, failing: ['v1-seed-6'], killed: ['v2-seed-5'] };
      const dir = await create(box, settings);
      await box.submit(dir);
      assert.equal(
        await eventually('the end', async () => {
          const { state } = await box.state(dir);
          return ['done', 'failed', 'stopped', 'lost'].includes(state) && state;
        }),
        'failed',
      );
      const { status } = await box.state(dir);
      assert.equal(status.reason?.code, 'trial.failed');
      assert.match(status.reason.message, /^2 of 6 trials are not done\./);
      assert.match(status.reason.message, /v1-seed-6: The sum of v1-seed-6 came to nothing\./);
      assert.match(status.reason.message, /v2-seed-5: Its job ended in the middle/);
      const before = await readFile(runPaths(dir).log, 'utf8');
      await open('mended');
      await box.submit(dir);
      assert.equal(Object.keys((await jobsOf(dir)).arrays[0]!.tasks).length, 2);
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine({ variants: 3, seeds: 2 }));
      const log = await readFile(runPaths(dir).log, 'utf8');
      assert.ok(log.startsWith(before), 'the output of the first jobs is kept');
      assert.equal(await startsOf(dir, 'v0-seed-5'), 1);
      assert.equal(await startsOf(dir, 'v1-seed-6'), 2);
    });

    it('one of a family fails: what starts from it is not tried, and said so', async () => {
      await close('mended');
      const box = jobsOn({ concurrent: 100 });
      const dir = await create(box, { variants: 3, seeds: 2, chain: true, failing: ['v1-seed-5'] });
      await box.submit(dir);
      await eventually('the end', async () => (await box.state(dir)).state === 'failed');
      assert.match(await reason(box, dir), /^2 of 6 trials are not done\. v1-seed-5: The sum/);
      assert.match(await readFile(runPaths(dir).log, 'utf8'), /v2-seed-5: it starts from v1-seed-5, which is not done/);
    });

    it('is stopped while trials run: each saves a checkpoint, none starts, and it goes on from there', async () => {
      const settings = { variants: 3, seeds: 2, gate: 'open-2' };
      const box = jobsOn({ concurrent: 2 });
      const dir = await create(box, settings);
      await box.submit(dir);
      await eventually(
        'two that wait',
        async () => (await reason(box, dir)).includes('2 running') && (await atGate(dir)) === 2,
      );
      await box.stop(dir, { force: false });
      await bed.until(box, dir, 'stopped');
      assert.match(await reason(box, dir), /0 of 6 trials are done/);
      await open('open-2');
      await box.submit(dir);
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine({ variants: 3, seeds: 2 }));
      assert.match(await readFile(runPaths(dir).log, 'utf8'), /v0-seed-5 from step 10/);
    });

    it('has one task cancelled, then everything: stopped, and nothing that was done is lost', async () => {
      const settings = { variants: 2, seeds: 2, gate: 'open-3', gated: ['v0-seed-5', 'v1-seed-6'] };
      const box = jobsOn();
      const dir = await create(box, settings);
      await box.submit(dir);
      await eventually('two that wait', async () =>
        (await reason(box, dir)).startsWith('2 of 4 trials done, 2 running'),
      );
      const { arrays, job } = await jobsOf(dir);
      await slurm('scancel', `${arrays[0]!.job!}_0`);
      await eventually('the others', async () =>
        (await reason(box, dir)).startsWith('2 of 4 trials done, 1 not done, whose jobs have ended, 1 running'),
      );
      await slurm('scancel', arrays[0]!.job!);
      await bed.until(box, dir, 'stopped');
      assert.match(await reason(box, dir), /^2 of 4 trials are not done\. v0-seed-5: It was interrupted/);
      await close('open-3');
      await box.submit(dir);
      await eventually('two that wait', async () =>
        (await reason(box, dir)).startsWith('2 of 4 trials done, 2 running'),
      );
      const again = await jobsOf(dir);
      assert.notEqual(again.job, job);
      await slurm('scancel', again.job!, again.arrays[0]!.job!);
      await bed.until(box, dir, 'stopped');
      assert.match(await reason(box, dir), /cancelled/);
      await open('open-3');
      await box.submit(dir);
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine({ variants: 2, seeds: 2 }));
    });

    it('loses the node, the controller and the warning: every trial ends with the same bits', async () => {
      const settings = { variants: 2, seeds: 2, gate: 'open-4' };
      const box = jobsOn({}, { patience: 120 });
      const dir = await create(box, settings);
      await box.submit(dir);
      await eventually(
        'four that wait',
        async () => (await reason(box, dir)).includes('4 running') && (await atGate(dir)) === 4,
      );
      const array = (await jobsOf(dir)).arrays[0]!.job!;
      // The warning before the time limit, to the last task: it alone goes back to the queue.
      await slurm('scancel', '--batch', '--signal=USR2', `${array}_3`);
      await eventually('one that waits', async () => (await reason(box, dir)).includes('3 running, 1 pending'));
      const file = path.join(bed.cluster.folder, 'slurm', 'run', 'slurmctld.pid.sh');
      const pid = (await readFile(file, 'utf8')).trim();
      await slurm('scontrol', 'update', 'NodeName=n1', 'State=DOWN', 'Reason=test');
      await slurm('kill', '-TERM', pid);
      await eventually('its end', () =>
        slurm('kill', '-0', pid).then(
          () => false,
          () => true,
        ),
      );
      assert.ok(['running', 'pending'].includes((await box.state(dir)).state), 'nothing is concluded');
      await slurm('sh', '-c', 'SLURM_CONF=/etc/slurm/slurm.conf setsid /usr/sbin/slurmctld >/dev/null 2>&1 </dev/null');
      await open('open-4');
      await eventually('the node', async () => {
        await slurm('scontrol', 'update', 'NodeName=n1', 'State=RESUME').catch(() => undefined);
        return /idle|mix|alloc/.exec(await slurm('sinfo', '--noheader', '--format=%T').catch(() => '')) !== null;
      });
      assert.equal(await bed.until(box, dir, 'done'), 'done');
      await isTheSame(dir, await onOneMachine({ variants: 2, seeds: 2 }));
    });

    it('does not go back to the queue for ever: a job that gets no further says so', async () => {
      await close('mended');
      const box = jobsOn();
      const dir = await create(box, { variants: 2, seeds: 1, stuck: ['v1-seed-5'] });
      await box.submit(dir);
      const array = (await jobsOf(dir)).arrays[0]!.job!;
      let starts = 0;
      await eventually('the end', async () => {
        const { state } = await box.state(dir);
        const log = await readFile(path.join(await bed.there(dir), 'trials', '.jobs', `${array}_1.txt`), 'utf8').catch(
          () => '',
        );
        const now = log.split('v1-seed-5 from step').length - 1;
        if (now > starts && state === 'running') {
          starts = now;
          await slurm('scancel', '--batch', '--signal=USR2', `${array}_1`);
        }
        return state === 'failed';
      });
      assert.equal(starts, 4);
      assert.match(await reason(box, dir), /v1-seed-5: Its job was started again 3 times, and got no further/);
    });

    it('is added with the number of trials that run at once', () => {
      const add = (...args: string[]) => {
        const env = { ...process.env, WINNOW_REMOTES: path.join(bed.cluster.folder, 'remotes.json') };
        const cli = [path.resolve('dist', 'cli.js'), 'remote', 'add', 'c', 'host', ...args, '--no-check', '--json'];
        return JSON.parse(spawnSync(process.execPath, cli, { env, encoding: 'utf8' }).stdout) as {
          error?: { code: string; message: string };
          remote?: { slurm?: { concurrent?: number; trialsPerJob?: number } };
        };
      };
      const { remote } = add('--slurm', '--concurrent', '8', '--trials-per-job', '2');
      assert.deepEqual([remote?.slurm?.concurrent, remote?.slurm?.trialsPerJob], [8, 2]);
      assert.equal(add('--slurm', '--concurrent', '0').error?.code, 'remote.invalid');
      assert.match(add('--trials-per-job', '2').error!.message, /--trials-per-job/);
    });
  },
);
