import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { oneJob, writeJob } from '../../../core/compute/slurm/job-file';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import { SlurmJobs } from '../../../core/compute/slurm/slurm';
import { createRegistry } from '../../../core/experiments/registry';
import { createRunDirectory, runPaths, writeStatus } from '../../../core/experiments/run/directory';
import { readStatus, type RunStatus } from '../../../core/experiments/run/status';
import { SLURM } from '../../../core/workers/worker';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { recordOf } from '../../fixtures/experiments/records';

const HEAD = 'ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON';
const ID = '12';

// What takes a cluster minutes, or more than one machine: what Slurm prints then is replayed.
describe('a run whose job Slurm says something of', { skip: process.platform === 'win32' && 'needs a shell' }, () => {
  let folder: string;
  const pathBefore = process.env.PATH;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-verdicts-'));
    process.env.PATH = `${folder}${path.delimiter}${pathBefore ?? ''}`;
    await program('sacct', 'echo "Slurm accounting storage is disabled" >&2; exit 1');
  });
  after(async () => {
    process.env.PATH = pathBefore;
    await rm(folder, { recursive: true });
  });

  const program = (name: string, script: string) =>
    writeFile(path.join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  /** @param ended seconds ago */
  const says = async (state: string, reason = 'None', ended = 3600) => {
    const end = new Date(Date.now() - ended * 1000);
    const local = new Date(end.getTime() - end.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    await program('squeue', `printf '%s\\n' '${HEAD}' '${ID}|N/A|${state}|${reason}'`);
    await program(
      'scontrol',
      `echo 'JobId=${ID} JobName=x JobState=${state} Reason=${reason} ExitCode=0:15 EndTime=${local}'`,
    );
  };
  let made = 0;
  /** A run that works as a job, as its worker has last said. */
  const running = async (change: Partial<RunStatus> = {}) => {
    const dir = await createRunDirectory(path.join(folder, 'runs'), recordOf(Date.UTC(2026, 0, 1, 0, 0, made++)));
    const status = await readStatus(runPaths(dir).status);
    const worker = { target: SLURM, handle: { name: 'x' } };
    await writeStatus(dir, { ...status, state: 'running', attempt: 1, worker, heartbeat: Date.now(), ...change });
    await writeJob(dir, { ...oneJob('x'), job: ID });
    return dir;
  };
  /** A new look: one answer serves all runs for a moment. */
  const see = (dir: string, grace = 60) =>
    new SlurmJobs('worker.js', createRegistry([arithmetic]), slurmSettings.parse({ grace })).state(dir);

  it('is not ended by a job that has just ended: what the node has written last may not be seen here yet', async () => {
    await says('COMPLETED', 'None', 5);
    const dir = await running();
    assert.equal((await see(dir)).state, 'running');
    // It never comes.
    await says('COMPLETED', 'None', 70);
    const lost = await see(dir);
    assert.deepEqual([lost.state, lost.status.reason?.code], ['lost', 'slurm.ended']);
    assert.match(`${lost.status.reason?.message} ${lost.status.reason?.hint}`, /job 12 ended.*winnow resume/);
    assert.equal((await readStatus(runPaths(dir).status)).state, 'running', 'nothing is written down of that');
    // It comes after all.
    await writeStatus(dir, { ...(await readStatus(runPaths(dir).status)), state: 'done', ended: Date.now() });
    assert.equal((await see(dir)).state, 'done');
  });

  it('is lost with the reason in words, and can be resumed', async () => {
    for (const [state, words] of [
      ['NODE_FAIL', /lost its node/],
      ['TIMEOUT', /reached its time limit/],
      ['OUT_OF_MEMORY', /ran out of memory/],
      ['PREEMPTED', /was preempted/],
      ['DEADLINE', /missed its deadline/],
      ['FAILED', /failed \(FAILED, exit code 0:15\)/],
    ] as const) {
      await says(state);
      const { state: now, status } = await see(await running());
      assert.equal(now, 'lost', state);
      assert.match(`${status.reason?.message} ${status.reason?.hint}`, words);
      assert.match(status.reason?.hint ?? '', /winnow resume/);
    }
  });

  it('goes on: requeued after a node failed or another job came first, suspended, or in a state that is not known', async () => {
    for (const [state, reason, expected] of [
      ['PENDING', 'BeginTime', 'pending'],
      ['REQUEUED', 'None', 'pending'],
      ['REQUEUE_HOLD', 'None', 'pending'],
      ['SPECIAL_EXIT', 'None', 'pending'],
      ['SUSPENDED', 'None', 'running'],
      ['STOPPED', 'None', 'running'],
      ['COMPLETING', 'None', 'running'],
      ['RESIZING', 'None', 'running'],
      ['POWERING_UP_NODE', 'None', 'running'],
    ] as const) {
      await says(state, reason);
      const { state: now, status } = await see(await running());
      assert.equal(now, expected, state);
      if (expected === 'pending') assert.match(status.reason?.message ?? '', /requeued/, state);
    }
  });

  it('is still pending when it was moved to another partition, in which a list of ours does not look', async () => {
    await says('PENDING', 'Priority');
    await program('squeue', `echo '${HEAD}'`);
    const dir = await running({ state: 'submitted', attempt: 0 });
    assert.equal((await see(dir)).state, 'pending');
  });

  it('was cancelled or failed before it started: that is said, not "lost"', async () => {
    for (const [state, expected] of [
      ['CANCELLED', 'stopped'],
      ['FAILED', 'failed'],
      ['BOOT_FAIL', 'failed'],
    ] as const) {
      await says(state);
      const dir = await running({ state: 'submitted', attempt: 0 });
      const { state: now, status } = await see(dir);
      assert.equal(now, expected, state);
      assert.match(status.reason?.message ?? '', /before the run started|had not started/);
    }
    assert.ok((await readFile(path.join(folder, 'squeue'), 'utf8')).includes(HEAD));
  });
});
