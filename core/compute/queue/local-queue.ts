import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { writeStatus, type RunRecord } from '../../experiments/run/directory';
import { workedOn, type RunStatus } from '../../experiments/run/status';
import type { QueueView } from '../../protocol/queue';
import { queueFolder } from '../../user-folders';
import { isAlive, ownIdentity, type ProcessIdentity } from '../../workers/process';
import { Environments } from '../../workers/queue/environments';
import { placeVariable } from '../../workers/queue/place';
import {
  capacityOf,
  EMPTY,
  isHeld,
  isSame,
  isWaiting,
  moved,
  replaced,
  turns,
  without,
  type Entry,
  type Limited,
  type Move,
  type QueueState,
} from '../../workers/queue/state';
import { changeQueue, readQueue } from '../../workers/queue/store';
import { queueWorker, reasonOf } from '../../workers/queue/wait';
import { processOf } from '../../workers/worker';
import { allowedGpus, poolOf, queueGpus } from './gpus';
import { settle } from './settle';
import { startWorker } from './start-worker';
import { viewOf } from './view';

/** A worker has taken its run over within this, milliseconds. */
const STARTING = 30_000;

/**
 * The runs of this user on this machine that share devices. Each GPU takes one run at a time, the CPU any number; limits can be set. A
 * run without a free place waits, and a dispatcher, which lives only while something waits, starts it when its turn comes.
 */
export class LocalQueue {
  readonly #environments: Environments;

  /**
   * @param worker path of the bundled `worker.js`; `dispatcher.js` is next to it
   * @param folder where the queue is
   */
  constructor(
    readonly worker: string,
    readonly folder: string = queueFolder(),
  ) {
    this.#environments = new Environments(folder);
  }

  /**
   * Starts a run, or has it wait for its turn.
   * @param before its status
   * @throws UserError `run.busy`, `run.not-started`, `queue.newer`, `disk.*`
   */
  async submit(dir: string, { spec }: Pick<RunRecord, 'spec'>, before: RunStatus): Promise<void> {
    const { provider } = spec.device;
    const gpus = provider === 'cuda' || provider === 'tensorflow' ? await queueGpus() : undefined;
    const pool = poolOf(provider, gpus ?? []);
    const allowed = pool === 'nvidia' ? allowedGpus(process.env.CUDA_VISIBLE_DEVICES, gpus ?? []) : undefined;
    const entry: Entry = {
      ...{ id: randomBytes(8).toString('hex'), dir: path.resolve(dir), name: spec.name, provider, pool },
      ...(allowed && { allowed }),
      ...{ submitted: Date.now(), since: null, node: process.execPath, worker: this.worker },
      ...{ holder: ownIdentity(), place: null, claims: 0 },
    };
    let claimed: { readonly entry: Entry; readonly limited: boolean };
    try {
      claimed = await this.#enter(entry, gpus, before.worker ? processOf(before.worker) : undefined);
    } catch (error) {
      // A run that needs not wait for anything does not fail because of the queue: the home directory may be read-only.
      const blocked = error instanceof UserError && error.code !== 'run.busy';
      if (pool !== 'cpu' || !blocked || capacityOf(this.#state(), pool) < Infinity) throw error;
      await startWorker(dir, this.#program(process.env));
      return;
    }
    if (claimed.entry.place === null) await this.#wait(dir, claimed.entry, before);
    else await this.#start(dir, claimed.entry, claimed.limited);
  }

  /** Enters a run, with a place if its turn is now. */
  #enter(entry: Entry, gpus: QueueState['gpus'] | undefined, last: ProcessIdentity | undefined) {
    return changeQueue(this.folder, async (state) => {
      const now = { ...(await settle(state)), ...(gpus && { gpus }) };
      const limited = capacityOf(now, entry.pool) < Infinity;
      // Whether a run has a worker, its lease decides, as ever: one that seems dead, or has not quite ended, keeps its place. But where
      // the run would have to wait, a worker that has just been started must not lose its status to this.
      const starts = ({ holder, since }: Entry) =>
        limited && !(last && isSame(holder, last)) && Date.now() - (since ?? 0) < STARTING;
      const isOther = (one: Entry) => one.dir === entry.dir && (one.place === null || isWaiting(one) || starts(one));
      if (now.entries.some(isOther))
        throw new UserError(
          'run.busy',
          l10n.t`The run in ${entry.dir} was submitted by another process.`,
          l10n.t('Wait for it, or stop it first.'),
        );
      const entered = { ...now, entries: [...now.entries, entry] };
      const place = turns(entered, (one) => one === entry || isWaiting(one)).get(entry.id);
      if (place === undefined) return [entered, { entry, limited }];
      const change = { place, since: Date.now(), claims: 1 };
      return [replaced(entered, entry.id, change), { entry: { ...entry, ...change }, limited }];
    });
  }

  async #start(dir: string, entry: Entry, limited: boolean): Promise<void> {
    try {
      const given = limited ? startedWith(this.folder, entry) : {};
      // From here on, the place is that of the worker, even if this process is killed. The worker checks that it has one where there is
      // a limit; where there is none, what runs is known all the same, for a limit that is set later.
      const onStart = (holder: ProcessIdentity) =>
        changeQueue(this.folder, (state) => [replaced(state, entry.id, { holder }), undefined]).catch(() => undefined);
      await startWorker(dir, this.#program({ ...process.env, ...given }), onStart);
    } catch (error) {
      await this.#remove(entry.id).catch(() => undefined);
      throw error;
    }
  }

  async #wait(dir: string, entry: Entry, before: RunStatus): Promise<void> {
    try {
      await this.#environments.keep(entry.id, { env: process.env, cwd: process.cwd() });
      const worked = before.attempt > 0 ? (before.ended ?? before.heartbeat) : null;
      // Before its turn can come: from then on, its worker writes the status.
      await writeStatus(dir, {
        ...before,
        state: 'pending',
        worker: queueWorker(this.folder, entry.id),
        reason: reasonOf(this.#state(), { ...entry, holder: null }),
        heartbeat: Date.now(),
        ...{ started: null, ended: worked, worked: workedOn(before) },
      });
      await changeQueue(this.folder, (state) => [replaced(state, entry.id, { holder: null }), undefined]);
    } catch (error) {
      await this.#remove(entry.id).catch(() => undefined);
      await writeStatus(dir, before).catch(() => undefined);
      throw error;
    }
    this.#dispatch();
  }

  #program(env: NodeJS.ProcessEnv) {
    return { node: process.execPath, worker: this.worker, env, cwd: process.cwd() };
  }

  #state(): QueueState {
    try {
      return readQueue(this.folder).state;
    } catch {
      return EMPTY;
    }
  }

  /**
   * Moves a waiting run before or behind others that wait for the same.
   * @param run its id, a part of it, or its name
   * @returns its id
   * @throws UserError `queue.no-run`, `queue.ambiguous`, `queue.not-waiting`, `disk.*`
   */
  move(run: string, to: Move): Promise<string> {
    return changeQueue(this.folder, async (state) => {
      const now = await settle(state);
      const entry = named(now, run);
      if (isHeld(entry))
        throw new UserError(
          'queue.not-waiting',
          l10n.t`The run ${path.basename(entry.dir)} does not wait any more.`,
          l10n.t('Only runs that wait can be moved.'),
        );
      return [moved(now, entry.id, to), path.basename(entry.dir)];
    });
  }

  /**
   * Sets how many runs may compute at once, on the CPU or on each GPU. Runs that have started go on.
   * @param runs undefined for the default: any number on the CPU, one on each GPU
   * @throws UserError `disk.*`
   */
  async limit(device: Limited, runs: number | undefined): Promise<void> {
    await changeQueue(this.folder, (state) => {
      const others = Object.entries(state.limits).filter(([name]) => name !== device);
      const limits = Object.fromEntries(runs === undefined ? others : [...others, [device, runs]]);
      return [{ ...state, limits }, undefined];
    });
    await this.wake();
  }

  /** What runs and what waits. */
  async view(): Promise<QueueView> {
    await this.wake();
    return viewOf(await settle(readQueue(this.folder).state));
  }

  /** Starts a dispatcher if runs wait and there is none: it was killed, or the machine was started again. Never fails. */
  async wake(): Promise<void> {
    try {
      const { state } = readQueue(this.folder);
      if (state.entries.every(isHeld) || isDispatched(state)) return;
      if ((await settle(state)).entries.some(isWaiting)) this.#dispatch();
    } catch {
      // Who needs the queue is told when it is used.
    }
  }

  /** Starts a dispatcher, unless there is one. It has no terminal and no pipe, and outlives this process. */
  #dispatch(): void {
    if (isDispatched(this.#state())) return;
    const program = path.join(path.dirname(this.worker), 'dispatcher.js');
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const child = spawn(process.execPath, [program, this.folder], {
      ...{ detached: true, stdio: 'ignore', windowsHide: true, cwd: this.folder },
    });
    // The next command tries again.
    child.once('error', () => undefined);
    child.unref();
  }

  async #remove(id: string): Promise<void> {
    await this.#environments.forget(id);
    await changeQueue(this.folder, (state) => [without(state, id), undefined]);
  }
}

const isDispatched = ({ dispatcher }: { readonly dispatcher: ProcessIdentity | null }) =>
  dispatcher !== null && isAlive(dispatcher, 0);

/** What a worker with a place is started with: the place, and the GPU that programs of CUDA are to use. */
export const startedWith = (folder: string, { id, pool, place, claims }: Entry): NodeJS.ProcessEnv => ({
  ...placeVariable({ folder, entry: id, claim: claims }),
  ...(pool === 'nvidia' && place !== null && place !== 'cuda' && { CUDA_VISIBLE_DEVICES: place }),
});

/** @throws UserError `queue.no-run`, `queue.ambiguous` */
function named({ entries }: QueueState, run: string): Entry {
  const id = ({ dir }: Entry) => path.basename(dir);
  const exact = entries.filter((one) => id(one) === run || one.dir === run || one.name === run);
  const found = exact.length > 0 ? exact : entries.filter((one) => run !== '' && id(one).includes(run));
  const [only] = found;
  if (!only)
    throw new UserError(
      'queue.no-run',
      l10n.t`There is no run "${run}" in the queue.`,
      l10n.t('"winnow queue" shows what runs and what waits.'),
    );
  if (found.length > 1)
    throw new UserError(
      'queue.ambiguous',
      l10n.t`"${run}" could be ${found.length} runs: ${found.slice(0, 4).map(id).join(', ')}.`,
      l10n.t('Give more of the id.'),
    );
  return only;
}
