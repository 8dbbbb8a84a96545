import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { examine } from '../../../core/compute/doctor';
import { RunMirror, type Verdict } from '../../../core/compute/mirror';
import { MirroredCompute, noQueue } from '../../../core/compute/mirrored';
import { FolderOrigin } from '../../../core/compute/folder-origin';
import type { Origin } from '../../../core/compute/origin';
import { listDevices } from '../../../core/engine/devices/devices';
import { UserError } from '../../../core/errors';
import type { Plan } from '../../../core/experiments/method';
import { createRun, planSpec, type RerunOf } from '../../../core/experiments/run/launch';
import type { Spec } from '../../../core/experiments/spec/spec';
import { readRecord, runPaths, writeStatus } from '../../../core/experiments/run/directory';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import { readState } from '../../../core/experiments/run/state';
import { readStatus, type RunStatus } from '../../../core/experiments/run/status';
import { requestStop } from '../../../core/experiments/run/stop-request';
import { isUnderway } from '../../../core/protocol/runs';
import { isAlive, processIdentity } from '../../../core/workers/process';
import { eventually } from '../../patience';

/**
 * A second machine in a folder of this one: nothing is shared with the workspace but what is copied, workers are processes
 * that nobody sends a signal to, and a run that finds the machine held waits for its turn.
 */
export class SecondMachine extends MirroredCompute {
  readonly name = 'second';
  /** Whether there is a way to it. */
  reachable = true;
  /** Runs that wait for their turn while the machine is held. */
  readonly #waiting: string[] = [];
  readonly #children = new Set<ChildProcess>();
  #held = false;

  /**
   * @param root the machine's disk
   * @param worker the bundled worker
   */
  constructor(
    readonly root: string,
    readonly worker: string,
  ) {
    super();
  }

  /** Where a run lies over there. */
  remote(dir: string): string {
    return path.join(this.root, 'runs', path.basename(dir));
  }

  originOf(dir: string): Promise<Origin> {
    const there = new FolderOrigin(this.remote(dir));
    const reach = () => {
      if (!this.reachable) throw new UserError('target.unreachable', 'The other machine cannot be reached.', 'Wait.');
    };
    return Promise.resolve({
      list: async () => {
        reach();
        return there.list();
      },
      read: async (file, offset, limit) => {
        reach();
        return there.read(file, offset, limit);
      },
      sha256: async (file) => {
        reach();
        return there.sha256(file);
      },
    });
  }

  plan(spec: Spec, runsDir: string): Promise<Plan> {
    return planSpec(spec, runsDir);
  }

  create(spec: Spec, runsDir: string, of?: RerunOf): Promise<string> {
    return createRun(spec, runsDir, this.name, of);
  }

  checkResumable(): Promise<void> {
    return Promise.resolve();
  }

  async submit(dir: string): Promise<void> {
    const remote = this.remote(dir);
    if (existsSync(remote)) {
      const { state } = await this.state(dir);
      if (isUnderway(state)) throw new UserError('run.busy', `The run is ${state}.`, 'Wait for it, or stop it first.');
    } else await this.#stage(dir, remote);
    const status = await readStatus(runPaths(remote).status);
    const worker = { target: this.name, handle: { number: status.attempt + 1 } };
    await writeStatus(remote, { ...status, state: 'submitted', worker, reason: null, heartbeat: Date.now() });
    if (this.#held) this.#waiting.push(remote);
    else await this.#start(remote);
    await this.pull(dir);
  }

  /** Takes what the run needs over: its directory, its spec and the files beside that. */
  async #stage(dir: string, remote: string): Promise<void> {
    const { baseDir } = await readRecord(dir);
    await mkdir(path.dirname(remote), { recursive: true });
    for (const entry of await readdir(baseDir, { withFileTypes: true }))
      if (entry.isFile()) await copyFile(path.join(baseDir, entry.name), path.join(this.root, entry.name));
    await cp(dir, remote, { recursive: true });
    await RunMirror.create(dir, this.name, `a folder: ${remote}`);
  }

  async #start(remote: string): Promise<void> {
    const log = await open(runPaths(remote).log, 'a');
    const who = JSON.stringify({ target: this.name, handle: { number: 1 } });
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const child = spawn(process.execPath, [this.worker, remote, who], {
      ...{ cwd: this.root, env, stdio: ['ignore', log.fd, log.fd], detached: true },
    });
    this.#children.add(child);
    await log.close();
    child.unref();
  }

  /** From now on runs have to wait for their turn. */
  hold(): void {
    this.#held = true;
  }

  async release(): Promise<void> {
    this.#held = false;
    for (const remote of this.#waiting.splice(0)) await this.#start(remote);
  }

  async stop(dir: string, { force }: { readonly force: boolean }): Promise<void> {
    const { status, state } = await this.state(dir);
    if (!isUnderway(state))
      throw new UserError('run.not-running', `The run is not running: it is ${state}.`, '"winnow list" shows all.');
    // By the run directory alone; no signal could get there.
    await requestStop(this.remote(dir), status, { force });
    if (force) await eventually('the stop', async () => !isUnderway((await this.state(dir)).state));
  }

  protected verdictOn(dir: string, status: RunStatus): Promise<Verdict | undefined> {
    return Promise.resolve(this.#verdictOn(dir, status));
  }

  #verdictOn(dir: string, { state, worker }: RunStatus): Verdict | undefined {
    if (state === 'submitted' && this.#waiting.includes(this.remote(dir)))
      return {
        state: 'pending',
        reason: { code: 'second.held', message: 'Another run is using the machine.', hint: '' },
      };
    const identity = processIdentity.safeParse(worker?.handle).data;
    const isGone = identity !== undefined && !isAlive(identity, 0);
    return (state === 'running' || state === 'stopping') && isGone ? { state: 'lost', reason: null } : undefined;
  }

  queue() {
    return Promise.reject(noQueue(this.name));
  }

  moveInQueue() {
    return Promise.reject(noQueue(this.name));
  }

  limitQueue() {
    return Promise.reject(noQueue(this.name));
  }

  devices() {
    return listDevices();
  }

  doctor() {
    return examine(this.root);
  }

  /** Lets runs go on over there that wait for a gate. */
  async openGate(name: string): Promise<void> {
    await writeFile(path.join(this.root, name), '');
  }

  /** The process of a run's worker. */
  async processOf(dir: string) {
    const { worker } = (await readState(this.remote(dir))).status;
    return processIdentity.parse(worker?.handle);
  }

  async mirrorOf(dir: string) {
    const mirror = await readMirror(dir);
    assert.ok(mirror);
    return mirror;
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
