import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { LOCAL, type Worker } from '../worker';
import { aheadOf, capacityOf, isWaiting, placesOf, type Entry, type QueueState } from './state';
import { readQueue } from './store';

const handle = z.object({ queue: z.string(), entry: z.string(), host: z.string() });
/** What `status.json` says of a run that waits in a queue. */
export type QueueHandle = z.output<typeof handle>;

export const queueWorker = (folder: string, entry: string): Worker => ({
  target: LOCAL,
  handle: { queue: folder, entry, host: hostname() } satisfies QueueHandle,
});

/** The place in the queue that the status of a waiting run names; undefined if it waits elsewhere. */
export const queueHandle = (worker: Worker | null): QueueHandle | undefined =>
  worker?.target === LOCAL ? handle.safeParse(worker.handle).data : undefined;

interface ExitWords {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Why a run waits, or that it does not wait any more, with the fields of a `UserError`. */
export interface Wait extends ExitWords {
  readonly waits: boolean;
}

/**
 * What the queue says about a run whose status says that it waits there.
 * @returns undefined if it cannot be known here: the queue is that of another machine, or cannot be read
 */
export function waitOf(dir: string, { queue, entry: id, host }: QueueHandle): Wait | undefined {
  if (host !== hostname()) return undefined;
  let state: QueueState;
  try {
    ({ state } = readQueue(queue));
  } catch {
    return undefined;
  }
  const entry = state.entries.find((one) => one.id === id);
  if (entry && isSameFolder(entry.dir, dir)) return { waits: true, ...reasonOf(state, entry) };
  return {
    waits: false,
    code: 'queue.left',
    message: l10n.t('The run is not in the queue any more: its entry was deleted, or the run was moved or copied.'),
    hint: l10n.t('Submit it again with "winnow resume".'),
  };
}

function isSameFolder(a: string, b: string): boolean {
  if (path.resolve(a) === path.resolve(b)) return true;
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}

/** Why an entry waits: `2 runs ahead in line for the GPU`. */
export const reasonOf = (state: QueueState, entry: Entry): ExitWords => ({
  code: 'queue.waits',
  message: isWaiting(entry) ? waitsFor(state, entry) : l10n.t('about to start'),
  hint: '',
});

function waitsFor(state: QueueState, { id, pool }: Entry): string {
  const capacity = capacityOf(state, pool);
  if (capacity === 0)
    return pool === 'cpu'
      ? l10n.t('the queue for the CPU is paused (limit: 0)')
      : l10n.t('the queue for GPUs is paused (limit: 0)');
  const device =
    pool === 'cpu'
      ? l10n.t`the CPU (limit: ${capacity})`
      : placesOf(state, pool).length > 1
        ? l10n.t('a GPU')
        : l10n.t('the GPU');
  // The number comes first: lists cut the rest off.
  const ahead = aheadOf(state, id);
  if (ahead === 0) return l10n.t`next in line for ${device}`;
  return ahead === 1 ? l10n.t`1 run ahead in line for ${device}` : l10n.t`${ahead} runs ahead in line for ${device}`;
}
