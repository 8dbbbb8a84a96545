import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ComputeTarget } from '../../../core/compute/target';
import { UserError } from '../../../core/errors';
import { readRun } from '../../../core/experiments/library/store';
import { createRegistry } from '../../../core/experiments/registry';
import { runPaths } from '../../../core/experiments/run/directory';
import type { RunState } from '../../../core/experiments/run/state';
import { readSystem } from '../../../core/experiments/system/system-log';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { isAlive, type ProcessIdentity } from '../../../core/workers/process';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { eventually } from '../../patience';
import { outcome, Workbench } from '../experiments/workbench';

/** A process, wherever it is. */
export interface WorkerProcess {
  kill(): Promise<void> | void;
  isAlive(): Promise<boolean> | boolean;
}

export const processHere = (identity: ProcessIdentity): WorkerProcess => ({
  kill: () => {
    process.kill(identity.pid, 'SIGKILL');
  },
  isAlive: () => isAlive(identity, 0),
});

/** A target under test, and what a test has to be able to do behind its back. */
export interface Subject {
  readonly target: ComputeTarget;
  /** The process of a run's worker. */
  worker(dir: string): Promise<WorkerProcess>;
  /** Lets runs go on that wait for a gate. */
  openGate(name: string): Promise<void>;
  /** Makes runs wait for their turn, where the target has such a thing. */
  readonly queue?: { hold(): void | Promise<void>; release(): Promise<void> };
  close(): Promise<void>;
}

/** The queue of a target with one of our own: nothing starts while the limit is 0. */
export const queueOf = (target: Pick<ComputeTarget, 'limitQueue'>) => ({
  hold: () => target.limitQueue('cpu', 0),
  release: () => target.limitQueue('cpu', undefined),
});

const SETTINGS = { seed: 11, steps: 40, checkpointEvery: 7 };
const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;

/** What every compute target must do. @param open makes the target; it uses the worker of the workbench */
export function contract(name: string, open: (bench: Workbench) => Promise<Subject>): void {
  describe(`the compute target ${name}`, { concurrency: false }, () => {
    let bench: Workbench;
    let subject: Subject;
    let target: ComputeTarget;
    let whole: Awaited<ReturnType<typeof outcome>>;
    before(async () => {
      bench = await Workbench.open();
      const dir = (await bench.json(0, 'run', await bench.spec(SETTINGS, 'whole'))).dir;
      whole = await outcome(String(dir));
      subject = await open(bench);
      ({ target } = subject);
    });
    after(async () => {
      await subject.close();
      await bench.close();
    });

    let specs = 0;
    /** A run that is made for the target and not submitted. */
    const make = async (settings: object) => {
      const file = await bench.spec({ ...SETTINGS, ...settings }, `run-${specs++}`);
      return target.create(await loadSpec(file, createRegistry([arithmetic])), bench.runs);
    };
    const until = (dir: string, ...states: RunState[]) =>
      eventually(`${dir} to be ${states.join(' or ')}`, async () => {
        const { state } = await target.state(dir);
        return states.includes(state) ? state : undefined;
      });
    const steps = async (dir: string) => {
      await target.state(dir);
      return (await readRun(dir)).history.metrics.get('iterate')?.length ?? 0;
    };
    const atGate = (dir: string) => eventually('the gate', async () => (await steps(dir)) === 10);
    /** Submits a run that waits at a gate of its own. */
    const begin = async () => {
      const gate = `gate-${specs}`;
      const dir = await make({ gate });
      await target.submit(dir);
      await atGate(dir);
      return { dir, open: () => subject.openGate(gate) };
    };
    const log = (dir: string) => readFile(runPaths(dir).events);

    it('runs a run to its end; the run directory here then holds all that it said and made', async () => {
      const dir = await make({});
      await target.submit(dir);
      assert.equal(await until(dir, 'done', 'failed', 'lost', 'stopped'), 'done');
      assert.deepEqual(await outcome(dir), whole);
      const run = await readRun(dir);
      assert.equal(run.record.target, target.name);
      assert.equal(run.status.worker?.target, target.name);
      assert.deepEqual(run.status.device, { provider: 'cpu', threads: 1 });
      assert.equal(run.status.machine?.node, process.versions.node);
      assert.deepEqual(
        run.checkpoints.map(({ name: checkpoint, meta }) => [checkpoint, meta]),
        [7, 14, 21, 28, 35].map((step) => [`step-${String(step).padStart(6, '0')}`, { step }]),
      );
      assert.match(await readFile(runPaths(dir).log, 'utf8'), /from step 0/);
      const system = await readSystem(dir);
      assert.deepEqual(system.problems, []);
      assert.ok(system.entries.length > 0 && system.entries.every(({ memory }) => (memory.total ?? 0) > 0));
      await assert.rejects(target.stop(dir, { force: false }), hasCode('run.not-running'));
    });

    it('gives a run to one worker', async () => {
      const { dir, open: openGate } = await begin();
      await assert.rejects(target.submit(dir), hasCode('run.busy'));
      await openGate();
      assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
      assert.equal((await target.state(dir)).status.attempt, 1);
      assert.deepEqual(await outcome(dir), whole);
    });

    it('stops a run at a checkpoint, and goes on with it to the same bits', async () => {
      const { dir, open: openGate } = await begin();
      await target.stop(dir, { force: false });
      assert.equal(await until(dir, 'stopped', 'failed', 'lost', 'done'), 'stopped');
      assert.equal((await readRun(dir)).history.checkpoints.get('step-000010')?.step, 10, 'the stop lost steps');
      await openGate();
      await target.submit(dir);
      assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
      const { status } = await target.state(dir);
      assert.equal(status.attempt, 2);
      const system = await readSystem(dir);
      assert.deepEqual([...new Set(system.entries.map(({ attempt }) => attempt))], [1, 2]);
      const { result, metrics } = await outcome(dir);
      assert.deepEqual({ result, metrics }, { result: whole.result, metrics: whole.metrics });
    });

    it('stops a run at once, and goes on with it to the same bits', async () => {
      const { dir, open: openGate } = await begin();
      const worker = await subject.worker(dir);
      await target.stop(dir, { force: true });
      assert.equal((await target.state(dir)).state, 'stopped');
      await eventually('the worker to end', async () => !(await worker.isAlive()));
      await openGate();
      await target.submit(dir);
      assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
      assert.deepEqual(await outcome(dir), whole);
    });

    it('says of a run whose worker was killed that it is lost, and goes on with it to the same bits', async () => {
      const { dir, open: openGate } = await begin();
      await (await subject.worker(dir)).kill();
      assert.equal(await until(dir, 'lost', 'failed', 'done'), 'lost');
      await openGate();
      await target.submit(dir);
      assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
      assert.deepEqual(await outcome(dir), whole);
    });

    it('tells why a run failed', async () => {
      const dir = await make({ fault: 'user' });
      await target.submit(dir);
      assert.equal(await until(dir, 'failed', 'lost', 'done'), 'failed');
      assert.equal((await target.state(dir)).status.reason?.code, 'arithmetic.fault');
    });

    it('follows the event log from any byte, in pieces that join to the whole', async () => {
      const { dir, open: openGate } = await begin();
      const pieces: Uint8Array[] = [];
      let offset = 0;
      const follow = async () => {
        for (;;) {
          const piece = await target.follow(dir, offset);
          if (piece.length === 0) return;
          pieces.push(piece);
          offset += piece.length;
        }
      };
      await follow();
      assert.ok(offset > 0);
      await openGate();
      await until(dir, 'done', 'failed', 'lost');
      await follow();
      const expected = await log(dir);
      assert.deepEqual(Buffer.concat(pieces), expected);
      assert.deepEqual(Buffer.from(await target.follow(dir, expected.length - 5)), expected.subarray(-5));
    });

    it('fetches checkpoints and artifacts, and nothing else', async () => {
      const dir = await make({});
      await target.submit(dir);
      assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
      const checkpoint = await target.fetch(dir, 'checkpoints/step-000014');
      assert.equal(checkpoint, path.join(dir, 'checkpoints', 'step-000014'));
      const state = JSON.parse(await readFile(path.join(checkpoint, 'state.json'), 'utf8')) as { step: number };
      assert.equal(state.step, 14);
      await target.state(dir);
      assert.ok(existsSync(path.join(checkpoint, 'state.json')), 'what was fetched stays');
      const artifact = await target.fetch(dir, 'artifacts/result.json');
      assert.equal(await readFile(artifact, 'utf8'), whole.result);
      for (const item of ['checkpoints/none', 'run.json', 'checkpoints/../run.json', 'checkpoints', '/etc/passwd'])
        await assert.rejects(target.fetch(dir, item), hasCode('run.no-item'), item);
    });

    it('says what it computes on, and whether all is there', async () => {
      assert.ok((await target.devices()).some(({ provider, available }) => provider === 'cpu' && available));
      const checks = await target.doctor(bench.folder);
      assert.ok(checks.some((check) => check.name === 'Node.js' && check.result === 'pass'));
    });

    it('keeps a run waiting for its turn, says for what, and stops it there', async (t) => {
      const { queue } = subject;
      if (!queue) {
        t.skip('nothing waits on this target');
        return;
      }
      await queue.hold();
      const [runs, stopped] = [await make({}), await make({})];
      for (const dir of [runs, stopped]) {
        await target.submit(dir);
        assert.equal(await until(dir, 'pending', 'running', 'done', 'failed', 'lost'), 'pending');
        const { status } = await target.state(dir);
        assert.notEqual(status.reason?.message ?? '', '');
        await assert.rejects(target.submit(dir), hasCode('run.busy'));
      }
      await target.stop(stopped, { force: false });
      await queue.release();
      assert.equal(await until(runs, 'done', 'failed', 'lost'), 'done');
      assert.deepEqual(await outcome(runs), whole);
      assert.equal(await until(stopped, 'done', 'failed', 'lost', 'stopped'), 'stopped');
      assert.equal(await steps(stopped), 0);
    });
  });
}
