import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import { readState } from '../../experiments/run/state';
import { isWaiting as isWaitingState } from '../../protocol/runs';
import { isAlive, ownIdentity, type ProcessIdentity } from '../../workers/process';
import { Environments } from '../../workers/queue/environments';
import { isSame, isWaiting, replaced, turns, without, type Entry, type QueueState } from '../../workers/queue/state';
import { changeQueue, readQueue } from '../../workers/queue/store';
import { recordEnd } from '../record-stop';
import { queueGpus } from './gpus';
import { startedWith } from './local-queue';
import { settle } from './settle';
import { startWorker } from './start-worker';

/** Time between two looks at the queue, milliseconds; longer if it could not be read or written. */
const POLL = 500;
const PAUSE = 5_000;

/**
 * Starts the runs of a queue when their turn comes; returns when nothing waits any more, or if there is another dispatcher. It only
 * looks at files and processes, so it may be killed at any time: the next command starts another one.
 * @param worker for runs whose own version of Winnow was removed since
 */
export async function dispatch(folder: string, worker: string): Promise<void> {
  const me = ownIdentity();
  const environments = new Environments(folder);
  const mine = await changeQueue(folder, ({ dispatcher, ...rest }) =>
    dispatcher !== null && isAlive(dispatcher, 0) ? [undefined, false] : [{ ...rest, dispatcher: me }, true],
  );
  if (!mine) return;
  // What a killed command has left behind. An entry is older than its environment.
  const kept = await environments.list();
  const entries = new Set(readQueue(folder).state.entries.map(({ id }) => id));
  for (const id of kept) if (!entries.has(id)) await environments.forget(id);
  const gpus = await queueGpus();
  const starting = new Set<Promise<void>>();
  for (;;) {
    try {
      const { claimed, over } = await look(folder, me, gpus, existsSync(worker));
      for (const entry of claimed) {
        const start: Promise<void> = begin(folder, entry, worker, environments).finally(() => starting.delete(start));
        starting.add(start);
      }
      if (over) break;
      await sleep(POLL);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // The disk may be full: what waits goes on waiting.
      await sleep(PAUSE);
    }
  }
  await Promise.all(starting);
}

interface Look {
  /** Runs that this process has to start. */
  readonly claimed: readonly Entry[];
  /** Nothing waits, or this is not the dispatcher any more. */
  readonly over: boolean;
}

/** @param able whether this version of Winnow is still installed */
function look(folder: string, me: ProcessIdentity, gpus: QueueState['gpus'], able: boolean): Promise<Look> {
  return changeQueue<Look>(folder, async (state) => {
    if (!isSame(state.dispatcher, me)) return [undefined, { claimed: [], over: true }];
    const seen = await settle(state);
    const now = gpus.length === 0 || JSON.stringify(gpus) === JSON.stringify(seen.gpus) ? seen : { ...seen, gpus };
    if (!able || !now.entries.some((one) => isWaiting(one) || one.place === null))
      return [
        { ...now, dispatcher: null },
        { claimed: [], over: true },
      ];
    const given = turns(now);
    let next = now;
    for (const { id, claims } of now.entries) {
      const place = given.get(id);
      if (place !== undefined) next = replaced(next, id, { place, holder: me, since: Date.now(), claims: claims + 1 });
    }
    return [next, { claimed: next.entries.filter(({ id }) => given.has(id)), over: false }];
  });
}

/** Starts the worker of a run, and records if that is not possible. */
async function begin(folder: string, entry: Entry, worker: string, environments: Environments): Promise<void> {
  const { dir, id } = entry;
  const kept = await environments.read(id);
  const own = existsSync(entry.worker);
  const node = existsSync(entry.node) ? entry.node : process.execPath;
  const env = { ...(kept?.env ?? process.env), ...startedWith(folder, entry) };
  try {
    await startWorker(
      dir,
      { node, worker: own ? entry.worker : worker, env, cwd: kept?.cwd ?? dir },
      (holder: ProcessIdentity) =>
        changeQueue(folder, (state) => [replaced(state, id, { holder }), undefined]).catch(() => undefined),
    );
  } catch (error) {
    await fail(dir, error).catch(() => undefined);
    await changeQueue(folder, (state) => [without(state, id), undefined]).catch(() => undefined);
  }
  await environments.forget(id);
}

/** The run says why it did not start. If that cannot be written, its readers see that it is not in the queue any more. */
async function fail(dir: string, error: unknown): Promise<void> {
  const { status, state } = await readState(dir);
  if (!isWaitingState(state)) return;
  const reason =
    error instanceof UserError
      ? { code: error.code, message: error.message, hint: error.hint }
      : { code: 'run.not-started', message: l10n.t`The worker could not be started: ${messageOf(error)}`, hint: '' };
  await recordEnd(dir, { ...status, worker: null }, 'failed', reason);
}
