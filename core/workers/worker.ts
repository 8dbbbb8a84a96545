import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { isAlive, ownIdentity, processIdentity, STALE_HEARTBEAT, type ProcessIdentity } from './process';

/**
 * Who works on a run: the compute target that started it, and by what that target knows it. A handle means something to
 * its own target alone; everybody else passes it on.
 */
export const worker = z.object({ target: z.string().min(1), handle: z.record(z.string(), z.unknown()) });
export type Worker = z.output<typeof worker>;

/** The target that runs are started on where nothing else is said: this machine. */
export const LOCAL = 'local';

export const localWorker = (handle: ProcessIdentity = ownIdentity()): Worker => ({ target: LOCAL, handle });

/**
 * Who this process is to the target that started it: the process itself, and what the target says besides (a job's number).
 * @param said a `Worker` as JSON; undefined for a process of this machine
 */
export function workerNamed(said: string | undefined): Worker {
  if (said === undefined) return localWorker();
  const { target, handle } = worker.parse(JSON.parse(said));
  return { target, handle: { ...ownIdentity(), ...handle } };
}

/** The process of a worker on this machine or one that shares its disk; undefined for what another target started. */
export function processOf({ target, handle }: Worker): ProcessIdentity | undefined {
  return target === LOCAL ? processIdentity.safeParse(handle).data : undefined;
}

/** The last sign of life that a status holds. */
interface Seen {
  readonly worker: Worker | null;
  /** Milliseconds since 1970. */
  readonly heartbeat: number;
}

/** Whether a worker still works. It is asked at every look at a run: quick, and nothing is started for it. */
type Liveness = (handle: Worker['handle'], heartbeat: number) => boolean;

/** What each target says of a worker whose run directory can be read here; of all others a mirror says it. */
const LIVENESS: ReadonlyMap<string, Liveness> = new Map([
  [
    LOCAL,
    (handle: Worker['handle'], heartbeat: number) => {
      const identity = processIdentity.safeParse(handle).data;
      return identity !== undefined && isAlive(identity, heartbeat);
    },
  ],
]);

/** All that can be said for a target that this version does not know. */
const byHeartbeat: Liveness = (_handle, heartbeat) => Date.now() - heartbeat < STALE_HEARTBEAT;

/** Whether the worker that a status names still works, as its target says. */
export const isWorking = ({ worker: seen, heartbeat }: Seen): boolean =>
  seen !== null && (LIVENESS.get(seen.target) ?? byHeartbeat)(seen.handle, heartbeat);

/** Names a worker in a sentence: `process 12 on that-host`. */
export function describeWorker(seen: Worker): string {
  const identity = processOf(seen);
  return identity ? describeProcess(identity) : l10n.t`a worker on ${seen.target}`;
}

export const describeProcess = ({ pid, host }: ProcessIdentity): string => l10n.t`process ${pid} on ${host}`;
