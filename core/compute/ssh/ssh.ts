import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
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
import { namedDevice, type Spec } from '../../experiments/spec/spec';
import { treeOf } from '../agent/manifest';
import type { AgentRun, Cleaned, CleanRequest, RunNews, SeenRun, SentSpec } from '../agent/calls';
import type { Check } from '../doctor';
import { NO_ANSWER } from '../slurm/commands';
import { noMirror, RunMirror, type Verdict } from '../mirror';
import { MirroredCompute, noQueue } from '../mirrored';
import { GROWING, type Origin, type OriginFile } from '../origin';
import type { FetchRule } from '../fetch-rule';
import { readRemotes, type Remote } from '../remotes';
import { refreshed, type Refreshed } from '../target';
import { ToldOrigin, type ToldPiece } from '../told-origin';
import type { SshClient } from './client';
import { inputsOf } from './inputs';

type Changed = Extract<RunNews, { is: 'changed' }>;

/**
 * A machine that is reached with OpenSSH. An agent there (the same version of Winnow) does what is asked over one connection;
 * runs are plain local runs there, with workers that outlive the connection, and the run directories here are mirrors of theirs.
 */
export class SshCompute extends MirroredCompute {
  readonly name: string;
  /** What was last told about runs, by their directories here. */
  readonly #told = new Map<string, Pick<Changed, 'mark' | 'listed'> & { readonly files: readonly OriginFile[] }>();

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
   * A mirror of a run that is there and not here: another laptop has started it, or this directory was deleted. If it has one here, that
   * is brought up to date.
   * @returns the directory here, absolute
   * @throws UserError `run.exists` if another run has its place
   */
  async adopt(id: string, runsDir: string): Promise<string> {
    const agent = await this.client.agent();
    const [there] = await agent.call('runs', { id, ...this.#scheduler });
    const here = path.resolve(runsDir, there!.record.id);
    const mirror = await readMirror(here);
    const isHere = mirror?.target === this.name && mirror.from === there!.dir;
    const dir = isHere ? here : await this.#mirror(there!, runsDir, {});
    await this.pull(dir);
    return dir;
  }

  /** The runs that are there, newest first. */
  async runs(): Promise<readonly AgentRun[]> {
    return (await this.client.agent()).call('runs', this.#scheduler);
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
    return {
      value: {
        name,
        method: called,
        seed,
        ...(notes !== undefined && { notes }),
        ...(tags && { tags }),
        device: namedDevice(device),
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
    try {
      await agent.call('submit', { dir: await fromOf(dir), ...this.#scheduler });
    } catch (error) {
      // What has become of it is in its status.
      await this.state(dir).catch(() => undefined);
      throw error;
    }
    // It is submitted, whatever happens to the connection now.
    await this.state(dir);
  }

  async stop(dir: string, { force }: { readonly force: boolean }): Promise<void> {
    const agent = await this.client.agent();
    await agent.call('stop', { dir: await fromOf(dir), force, ...this.#scheduler });
    await this.state(dir);
  }

  /** As it is now: it may have been changed since this process began. */
  override async fetches(): Promise<FetchRule> {
    const now = (await readRemotes()).find(({ name }) => name === this.name);
    return (now ?? this.remote).fetch;
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

  /** One question, and another one only for what did not fit into its answer. */
  override async refreshAll(dirs: readonly string[]): Promise<Refreshed[]> {
    const found: Refreshed[] = [];
    for (let left = dirs; left.length > 0;) {
      const asked: { readonly dir: string; readonly seen: SeenRun }[] = [];
      for (const dir of left) {
        const seen = await this.#seen(dir).catch((error: unknown) => {
          if (!(error instanceof UserError)) throw error;
          found.push({ dir, error });
        });
        if (seen) asked.push({ dir, seen });
      }
      if (asked.length === 0) break;
      const agent = await this.client.agent();
      const { runs, body } = await agent.news({ runs: asked.map(({ seen }) => seen), ...this.#scheduler });
      let at = 0;
      const deferred: string[] = [];
      for (const [index, news] of runs.entries()) {
        const { dir, seen } = asked[index]!;
        if (news.is === 'deferred') deferred.push(dir);
        else
          found.push(
            await refreshed(dir, async () => {
              if (news.is === 'unreadable') throw new UserError(news.error.code, news.error.message, news.error.hint);
              if (news.is === 'same') await new RunMirror(dir, this.#originOf(seen.dir)).confirm();
              else {
                const pieces = news.pieces.map((piece) => ({
                  ...piece,
                  bytes: body.subarray(at, (at += piece.length)),
                }));
                await this.#take(dir, seen.dir, news, pieces);
              }
            }),
          );
      }
      left = deferred;
    }
    return found;
  }

  /** What is here of a run that is there. */
  async #seen(dir: string): Promise<SeenRun> {
    const { mark = null, listed = null } = this.#told.get(dir) ?? {};
    return {
      dir: await fromOf(dir),
      sizes: await Promise.all(GROWING.map((name) => sizeOf(path.join(dir, name)))),
      mark,
      listed,
    };
  }

  /** Takes what was told about a run over into its mirror. */
  async #take(dir: string, from: string, news: Changed, pieces: readonly ToldPiece[]): Promise<void> {
    const files = news.files ?? this.#told.get(dir)?.files ?? [];
    const statuses = [news.status, news.statusAfter ?? news.status];
    const origin = new ToldOrigin(this.#originOf(from), statuses, files, pieces);
    let told = news.verdict;
    const verdictOn = async (status: RunStatus) => {
      const verdict = told;
      told = undefined;
      if (verdict) return verdictIn(status, verdict);
      return news.verdict ? this.verdictOn(dir, status) : undefined;
    };
    await new RunMirror(dir, origin).pull(verdictOn, { sparing: true, fetchesNone: this.fetchesNone });
    // Now that it is here.
    this.#told.set(dir, { mark: news.mark, listed: news.listed, files });
  }

  protected async originOf(dir: string): Promise<Origin> {
    return this.#originOf(await fromOf(dir));
  }

  #originOf(from: string): Origin {
    return {
      list: async () => (await this.client.agent()).call('list', { dir: from }),
      read: async (file, offset, limit) => (await this.client.agent()).read({ dir: from, file, offset, limit }),
      sha256: async (file) => (await (await this.client.agent()).call('sha256', { dir: from, file })) ?? undefined,
    };
  }

  /** The agent looks for the worker's process, or asks Slurm. */
  protected async verdictOn(dir: string, { state, worker, reason }: RunStatus): Promise<Verdict | undefined> {
    if (!needsVerdict({ state, worker, reason })) return undefined;
    const agent = await this.client.agent();
    const seen = await agent.call('state', { dir: await fromOf(dir), ...this.#scheduler }).catch((error: unknown) => {
      // The run is followed all the same.
      if (error instanceof UserError && error.code === NO_ANSWER) return undefined;
      throw error;
    });
    return seen && verdictIn({ state, worker, reason }, { state: seen.state, reason: seen.status.reason });
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

type Judged = Pick<RunStatus, 'state' | 'worker' | 'reason'>;

/** Whether a run may be in another state than its status says. */
const needsVerdict = ({ state, worker, reason }: Judged) =>
  worker !== null && (isUnderway(state) || isInterrupted({ state, reason }));

/** What the state that the other machine sees adds to a status. */
function verdictIn(status: Judged, seen: NonNullable<Changed['verdict']>): Verdict | undefined {
  if (!needsVerdict(status)) return undefined;
  const same = seen.state === status.state && JSON.stringify(seen.reason) === JSON.stringify(status.reason);
  if (same || seen.state === 'damaged') return undefined;
  return { state: seen.state, reason: seen.reason };
}

/** Bytes of a file; 0 if it is not there. */
const sizeOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** Where the run of a mirror is. @throws UserError `run.no-mirror` */
async function fromOf(dir: string): Promise<string> {
  const mirror = await readMirror(dir);
  if (mirror) return mirror.from;
  throw noMirror(dir);
}
