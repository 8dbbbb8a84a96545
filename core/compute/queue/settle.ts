import { isGone, runPaths } from '../../experiments/run/directory';
import { readStatus } from '../../experiments/run/status';
import { isActive, isWaiting as isWaitingState } from '../../protocol/runs';
import { STALE_HEARTBEAT } from '../../workers/process';
import { isHeld, type Entry, type QueueState } from '../../workers/queue/state';
import { queueHandle } from '../../workers/queue/wait';
import { isWorking, processOf } from '../../workers/worker';

/**
 * The queue without what is over: runs that have ended or are gone leave it. A run whose starter was killed waits again, at its old
 * place, unless its worker is there.
 */
export async function settle(state: QueueState): Promise<QueueState> {
  const entries = await Promise.all(state.entries.map(settled));
  if (entries.every((entry, i) => entry === state.entries[i])) return state;
  return { ...state, entries: entries.filter((entry) => entry !== undefined) };
}

async function settled(entry: Entry): Promise<Entry | undefined> {
  if (isHeld(entry)) return entry.holder?.start === null && (await hasEnded(entry)) ? undefined : entry;
  if (isGone(entry.dir)) return undefined;
  // One that cannot be read is rebuilt by the worker, if the run waits for one. Otherwise the run is over, and says that it is damaged.
  const status = await readStatus(runPaths(entry.dir).status).catch(() => 'unreadable' as const);
  if (status === 'unreadable') return entry.place === null ? waiting(entry) : undefined;
  if (isActive(status.state) && isWorking(status)) {
    const holder = status.worker && processOf(status.worker);
    return holder ? { ...entry, holder } : undefined;
  }
  const waits = isWaitingState(status.state) && queueHandle(status.worker)?.entry === entry.id;
  return waits ? waiting(entry) : undefined;
}

/**
 * Where the system does not say when a process started, another one may have the same id by now: then the run itself tells that its worker
 * is gone.
 */
async function hasEnded({ dir, place, since }: Entry): Promise<boolean> {
  if (place === null) return false;
  if (isGone(dir)) return true;
  const status = await readStatus(runPaths(dir).status).catch(() => undefined);
  if (!status) return false;
  if (isActive(status.state)) return Date.now() - status.heartbeat > STALE_HEARTBEAT;
  return status.ended !== null && status.ended > (since ?? Infinity);
}

/** Who was started for an earlier claim has no place any more: the next one gets another number. */
const waiting = (entry: Entry): Entry =>
  entry.holder === null && entry.place === null ? entry : { ...entry, holder: null, place: null, since: null };
