import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Remote } from '../../../core/compute/remotes';
import { ShippedBundle } from '../../../core/compute/ssh/bundle';
import { Retries } from '../../../core/compute/ssh/retries';
import { sharedSocket } from '../../../core/compute/ssh/sharing';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { sshTarget, type TargetOptions } from '../../../core/compute/targets';
import { UserError } from '../../../core/errors';
import { readRun } from '../../../core/experiments/library/store';
import { createRegistry } from '../../../core/experiments/registry';
import { runPaths } from '../../../core/experiments/run/directory';
import { readEvents } from '../../../core/experiments/run/event-log';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import type { RunState } from '../../../core/experiments/run/state';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { processIdentity } from '../../../core/workers/process';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { eventually } from '../../patience';
import { Cluster, remoteOn } from '../../servers/cluster';
import { outcome, Workbench } from '../experiments/workbench';
import { queueOf, type Subject } from './contract';

/** The target of a remote on a cluster, with the programs of a workbench. */
export const targetOn = (cluster: Cluster, bench: Workbench, more: Partial<Remote> = {}, options: TargetOptions = {}) =>
  sshTarget(remoteOn(cluster, more), { bundle: new ShippedBundle(bench.folder), ...options });

/** A target on a cluster as the contract tests it. */
export const subjectOn = (cluster: Cluster, target: SshCompute): Subject => ({
  target,
  worker: async (dir) => {
    // A pull reads the status before the events: what it has of a run that starts meanwhile does not name the process yet.
    const { worker } = (await target.refresh(dir)).status;
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
  openGate: (name) => openGate(cluster, name),
  ...(target.remote.slurm === undefined && { queue: queueOf(target) }),
  close: async () => {
    await target.client.close();
    await cluster.close();
  },
});

/** Lets runs go on over there that wait for a gate. */
async function openGate(cluster: Cluster, name: string): Promise<void> {
  const inputs = path.join(cluster.home, '.winnow', 'inputs');
  for (const tree of await readdir(inputs)) await writeFile(path.join(inputs, tree, name), '');
}

const SETTINGS = { seed: 11, steps: 40, checkpointEvery: 7 };

/** A run that waits at a gate after ten steps, and what lets it go on. */
export interface Waiting {
  readonly dir: string;
  readonly open: () => Promise<void>;
}

/** A remote on a cluster, and runs on it that can be compared with one that nothing has happened to. */
export class RemoteBed {
  readonly #open: SshCompute[] = [];
  #specs = 0;

  private constructor(
    readonly bench: Workbench,
    readonly cluster: Cluster,
    /** What a run comes to. */
    readonly whole: Awaited<ReturnType<typeof outcome>>,
  ) {}

  /** @param env see `test/servers/serve.sh` */
  static async open(env: Record<string, string> = {}): Promise<RemoteBed> {
    const bench = await Workbench.open();
    const whole = await outcome(String((await bench.json(0, 'run', await bench.spec(SETTINGS, 'whole'))).dir));
    return new RemoteBed(bench, await Cluster.open(env), whole);
  }

  async close(): Promise<void> {
    await this.tidy();
    await this.cluster.close();
    await this.bench.close();
  }

  /** Between two tests: no connection is left, and no start-up file. */
  async tidy(): Promise<void> {
    for (const target of this.#open.splice(0)) await target.client.close();
    await rm(sharedSocket(remoteOn(this.cluster)) ?? '', { force: true });
    await new Retries(remoteOn(this.cluster)).forget();
    for (const file of ['.bashrc', '.profile', '.bash_profile', '.zshenv'])
      await rm(path.join(this.cluster.home, file), { force: true });
  }

  target(more: Partial<Remote> = {}, options: TargetOptions = {}): SshCompute {
    const one = targetOn(this.cluster, this.bench, more, options);
    this.#open.push(one);
    return one;
  }

  async create(on: SshCompute, settings: object = {}): Promise<string> {
    const file = await this.bench.spec({ ...SETTINGS, ...settings }, `run-${this.#specs++}`);
    return on.create(await loadSpec(file, createRegistry([arithmetic])), this.bench.runs);
  }

  /** Waits until a run is in one of the states; fails if it ends in another one. */
  until(on: SshCompute, dir: string, ...wanted: RunState[]): Promise<RunState> {
    return eventually(`${dir} to be ${wanted.join(' or ')}`, async () => {
      const { state } = await on.state(dir);
      if (wanted.includes(state)) return state;
      assert.ok(!['failed', 'lost', 'damaged'].includes(state), `${dir} is ${state}`);
      return undefined;
    });
  }

  async begin(on: SshCompute): Promise<Waiting> {
    const gate = `gate-${this.#specs}`;
    const dir = await this.create(on, { gate });
    await on.submit(dir);
    await eventually('the gate', async () => {
      await on.state(dir);
      return ((await readRun(dir)).history.metrics.get('iterate')?.length ?? 0) === 10;
    });
    return { dir, open: () => openGate(this.cluster, gate) };
  }

  /** Where a run is over there, as this machine sees it. */
  async there(dir: string): Promise<string> {
    return path.join(this.cluster.home, path.relative('/root', (await readMirror(dir))!.from));
  }

  /** The whole curve once, and every line of the other machine once. */
  async isWhole(dir: string): Promise<void> {
    assert.deepEqual(await outcome(dir), this.whole);
    await this.isCopied(dir);
  }

  /** The same, of a run that was interrupted: it has one checkpoint more. */
  async isWholeAgain(dir: string): Promise<void> {
    const { result, metrics } = await outcome(dir);
    assert.deepEqual({ result, metrics }, { result: this.whole.result, metrics: this.whole.metrics });
    await this.isCopied(dir);
  }

  async isCopied(dir: string): Promise<void> {
    const { events } = runPaths(dir);
    assert.deepEqual(await readFile(events), await readFile(path.join(await this.there(dir), 'events.jsonl')));
    assert.deepEqual((await readEvents(events)).problems, []);
  }
}

export const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;

/** An error of this code, whose message and hint match. */
export const says =
  (code: string, ...parts: RegExp[]) =>
  (error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.match(`${error.message} ${error.hint}`, part);
    return true;
  };
