import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { StoredEvent } from '../../protocol/events';
import { readEvents } from './event-log';
import { RESTARTS } from './scheduled';

/** Starts in a row that may get no further, before a job stops putting itself back into the queue. */
export const MOST_FRUITLESS = 3;

/** How far an event is: a name, and a number that grows with the work behind it. Undefined for events that say nothing about that. */
function* marksOf(event: StoredEvent): Iterable<readonly [string, number]> {
  switch (event.type) {
    case 'metrics':
      for (const name of Object.keys(event.values)) yield [`metric ${event.phase ?? ''} ${name}`, event.step];
      break;
    case 'checkpoint':
      yield [`checkpoint ${event.name}`, event.step];
      break;
    case 'progress':
      if (Number.isFinite(event.done)) yield [`progress ${event.label ?? ''} ${event.unit}`, event.done];
      break;
    case 'phase':
      yield [`phase ${event.name}`, 0];
      break;
    default:
  }
}

/** The last attempt that got further than all before it; 0 if none did. */
export function lastAdvance(events: Iterable<StoredEvent>): number {
  const furthest = new Map<string, number>();
  let last = 0;
  for (const event of events)
    for (const [name, at] of marksOf(event)) {
      if (at <= (furthest.get(name) ?? -1)) continue;
      furthest.set(name, at);
      last = Math.max(last, event.attempt);
    }
  return last;
}

/**
 * Refuses to go on with a job that the scheduler starts again and again without it getting any further: it would keep a node busy
 * for ever.
 * @param file the event log
 * @param attempt the one that begins now
 * @throws UserError `run.no-progress`
 */
export async function requireAdvance(file: string, attempt: number, restarts: number = RESTARTS): Promise<void> {
  if (restarts < MOST_FRUITLESS) return;
  const { events } = await readEvents(file);
  // Attempts of earlier jobs do not count: somebody has decided to try again.
  const fruitless = Math.min(restarts, attempt - 1 - lastAdvance(events));
  if (fruitless < MOST_FRUITLESS) return;
  throw new UserError(
    'run.no-progress',
    l10n.t`Its job was started again ${fruitless} times, and got no further each time: it does not go back to the queue.`,
    l10n.t(
      'Its time limit may be too short, or its node too small: the log says more. Give the remote more ("winnow remote add", --time, --memory), then "winnow resume".',
    ),
  );
}
