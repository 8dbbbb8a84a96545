import { isGone, runPaths } from '../../experiments/run/directory';
import { readStatus } from '../../experiments/run/status';
import { isActive, isWaiting as isWaitingState } from '../../protocol/runs';
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
  if (isHeld(entry)) return entry;
  if (isGone(entry.dir)) return undefined;
  // One that cannot be read is rebuilt by the worker.
  const status = await readStatus(runPaths(entry.dir).status).catch(() => 'unreadable' as const);
  if (status === 'unreadable') return waiting(entry);
  if (isActive(status.state) && isWorking(status)) {
    const holder = status.worker && processOf(status.worker);
    return holder ? { ...entry, holder } : undefined;
  }
  const waits = isWaitingState(status.state) && queueHandle(status.worker)?.entry === entry.id;
  return waits ? waiting(entry) : undefined;
}

/** Who was started for an earlier claim has no place any more: the next one gets another number. */
const waiting = (entry: Entry): Entry =>
  entry.holder === null && entry.place === null ? entry : { ...entry, holder: null, place: null, since: null };
