import { randomBytes } from 'node:crypto';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { DeviceInfo } from '../../engine/devices/devices';
import type { Plan } from '../../experiments/method';
import { createRunDirectory, type RunRecord } from '../../experiments/run/directory';
import { parentsOf, type RerunOf } from '../../experiments/run/launch';
import { gitOf } from '../../experiments/run/provenance';
import { readMirror } from '../../experiments/run/mirror-file';
import { isInterrupted, type RunStatus } from '../../experiments/run/status';
import type { QueueView } from '../../protocol/queue';
import type { Limited, Move } from '../../workers/queue/state';
import { isUnderway } from '../../protocol/runs';
import type { Spec } from '../../experiments/spec/spec';
import { treeOf } from '../agent/manifest';
import type { AgentRun, Cleaned, CleanRequest, SentSpec } from '../agent/calls';
import type { Check } from '../doctor';
import { NO_ANSWER } from '../slurm/commands';
import { noMirror, RunMirror, type Verdict } from '../mirror';
import { MirroredCompute, noQueue } from '../mirrored';
import type { Origin } from '../origin';
import type { Remote } from '../remotes';
import type { SshClient } from './client';
import { inputsOf } from './inputs';

/**
 * A machine that is reached with OpenSSH. An agent there (the same version of Winnow) does what is asked over one connection;
 * runs are plain local runs there, with workers that outlive the connection, and the run directories here are mirrors of theirs.
 */
export class SshCompute extends MirroredCompute {
  readonly name: string;

  constructor(
    readonly remote: Remote,
    readonly client: SshClient,
  ) {
    super();
    this.name = remote.name;
  }

  async plan(spec: Spec): Promise<Plan> {
    const agent = await this.client.agent();
    return agent.call('plan', { spec: await this.#send(spec), ...this.#scheduler });
  }

  async create(spec: Spec, runsDir: string, of?: RerunOf): Promise<string> {
    const agent = await this.client.agent();
    const sent = await this.#send(spec);
    // Without the parents, whose paths are those of this machine.
    const rerun = of && {
      record: { id: of.record.id, fingerprints: of.record.fingerprints },
      allowChanged: of.allowChanged,
    };
    const there = await agent.call('create', { spec: sent, ...(rerun && { of: rerun }), ...this.#scheduler });
    return this.#mirror(there, runsDir, {
      // As it is here, so that the spec can be opened, and run again elsewhere.
      spec: { ...there.record.spec, config: spec.resolved.config },
      specFile: spec.file,
      baseDir: spec.baseDir,
      git: await gitOf(spec.file),
      parents: of?.record.parents ?? parentsOf(spec),
    });
  }

  /**
   * A mirror of a run that is there and not here: another laptop has started it, or this directory was deleted.
   * @returns the directory here, absolute
   * @throws UserError `run.exists` if it is here
   */
  async adopt(id: string, runsDir: string): Promise<string> {
    const agent = await this.client.agent();
    const [there] = await agent.call('runs', { id });
    const dir = await this.#mirror(there!, runsDir, {});
    await this.pull(dir);
    return dir;
  }

  /** The runs that are there, newest first. */
  async runs(): Promise<readonly AgentRun[]> {
    return (await this.client.agent()).call('runs', {});
  }

  async #mirror(there: AgentRun, runsDir: string, local: Partial<RunRecord>): Promise<string> {
    const dir = await createRunDirectory(runsDir, { ...there.record, ...local, target: this.name });
    await RunMirror.create(dir, this.name, there.dir);
    return dir;
  }

  /** Sends the files that a spec names. @returns the spec as the agent reads it */
  async #send({ method, resolved, baseDir, file }: Spec): Promise<SentSpec> {
    const agent = await this.client.agent();
    const { files, config } = await inputsOf(method, resolved.config, baseDir, this.name);
    const tree = await treeOf(files);
    const tell = this.client.tell(l10n.t`Sending files to ${this.name}`);
    // A program may write into its folder, so each run has one of its own.
    const as =
      method.programFolder === undefined
        ? { kind: 'inputs' }
        : { kind: 'work', own: `${Date.now().toString(36)}-${randomBytes(4).toString('hex')}` };
    const folder = await agent.send(tree, as, tell);
    const { name, method: called, seed, notes, tags, device } = resolved;
    const threads = device.auto ? {} : { threads: device.threads };
    return {
      value: {
        name,
        method: called,
        seed,
        ...(notes !== undefined && { notes }),
        ...(tags && { tags }),
        device: { provider: device.provider, ...threads },
        ...config,
      },
      baseDir: folder,
      file: path.basename(file),
    };
  }

  async checkResumable(dir: string, options: { readonly allowChanged: boolean }): Promise<void> {
    const agent = await this.client.agent();
    await agent.call('checkResumable', { dir: await fromOf(dir), ...options, ...this.#scheduler });
  }

  async submit(dir: string): Promise<void> {
    const agent = await this.client.agent();
    await agent.call('submit', { dir: await fromOf(dir), ...this.#scheduler });
    // It is submitted, whatever happens to the connection now.
    await this.state(dir);
  }

  async stop(dir: string, { force }: { readonly force: boolean }): Promise<void> {
    const agent = await this.client.agent();
    await agent.call('stop', { dir: await fromOf(dir), force, ...this.#scheduler });
    await this.state(dir);
  }

  async queue(): Promise<QueueView> {
    return (await this.#queueAgent()).call('queue', {});
  }

  async moveInQueue(run: string, to: Move): Promise<string> {
    return (await this.#queueAgent()).call('moveInQueue', { run, to });
  }

  async limitQueue(device: Limited, runs: number | undefined): Promise<void> {
    await (await this.#queueAgent()).call('limitQueue', { device, runs: runs ?? null });
  }

  /** @throws UserError `queue.none`, `target.*` */
  async #queueAgent() {
    if (this.remote.slurm) throw noQueue(this.name);
    return this.client.agent();
  }

  async devices(): Promise<readonly DeviceInfo[]> {
    return (await this.client.agent()).call('devices', {});
  }

  async doctor(): Promise<readonly Check[]> {
    return (await this.client.agent()).call('doctor', this.#scheduler);
  }

  /** Deletes what no run and no client uses there. @throws UserError `target.*` */
  async clean(request: CleanRequest): Promise<Cleaned> {
    return (await this.client.agent()).call('clean', request);
  }

  /** Bytes of disk in Winnow's folder there, by what they are for. @throws UserError `target.*` */
  async usage(): Promise<Readonly<Record<string, number>>> {
    return (await this.client.agent()).call('usage', {});
  }

  protected async originOf(dir: string): Promise<Origin> {
    const from = await fromOf(dir);
    return {
      list: async () => (await this.client.agent()).call('list', { dir: from }),
      read: async (file, offset, limit) => (await this.client.agent()).read({ dir: from, file, offset, limit }),
      sha256: async (file) => (await (await this.client.agent()).call('sha256', { dir: from, file })) ?? undefined,
    };
  }

  /** The agent looks for the worker's process, or asks Slurm. */
  protected async verdictOn(dir: string, { state, worker, reason }: RunStatus): Promise<Verdict | undefined> {
    if (worker === null || !(isUnderway(state) || isInterrupted({ state, reason }))) return undefined;
    const agent = await this.client.agent();
    const seen = await agent.call('state', { dir: await fromOf(dir), ...this.#scheduler }).catch((error: unknown) => {
      // The run is followed all the same.
      if (error instanceof UserError && error.code === NO_ANSWER) return undefined;
      throw error;
    });
    if (!seen) return undefined;
    const same = seen.state === state && JSON.stringify(seen.status.reason) === JSON.stringify(reason);
    if (same || seen.state === 'damaged') return undefined;
    return { state: seen.state, reason: seen.status.reason };
  }

  get #scheduler() {
    const { slurm } = this.remote;
    return slurm ? { slurm } : {};
  }

  /** What runs Winnow there, and where its folder is, in words. */
  async describe(): Promise<string> {
    return l10n.t`Node.js ${await this.client.node()}, in ${this.remote.folder}`;
  }
}

/** Where the run of a mirror is. @throws UserError `run.no-mirror` */
async function fromOf(dir: string): Promise<string> {
  const mirror = await readMirror(dir);
  if (mirror) return mirror.from;
  throw noMirror(dir);
}
