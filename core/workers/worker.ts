import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { isAlive, ownIdentity, processIdentity, STALE_HEARTBEAT, type ProcessIdentity } from './process';

/**
 * Who is working on a run: the compute target that started it, and the target's handle for it. Only that target understands
 * the handle; everyone else passes it on.
 */
export const worker = z.object({ target: z.string().min(1), handle: z.record(z.string(), z.unknown()) });
export type Worker = z.output<typeof worker>;

/** The target of runs that are jobs of Slurm, on the machine that has submitted them. */
export const SLURM = 'slurm';

/** The default target of runs: this machine. */
export const LOCAL = 'local';

export const localWorker = (handle: ProcessIdentity = ownIdentity()): Worker => ({ target: LOCAL, handle });

/**
 * What this process is called by the target that started it: its process identity, and what the target adds (a job id).
 * @param said a `Worker` as JSON; undefined for a process started on this machine
 */
export function workerNamed(said: string | undefined): Worker {
  if (said === undefined) return localWorker();
  const { target, handle } = worker.parse(JSON.parse(said));
  return { target, handle: { ...ownIdentity(), ...handle } };
}

/** The process of a worker on this machine or one that shares its disk; undefined if another target started it. */
export function processOf({ target, handle }: Worker): ProcessIdentity | undefined {
  return target === LOCAL ? processIdentity.safeParse(handle).data : undefined;
}

/** The last heartbeat in a status. */
interface Seen {
  readonly worker: Worker | null;
  /** Milliseconds since 1970. */
  readonly heartbeat: number;
}

/** Whether a worker is still working. Called at every look at a run, so it must be fast and start nothing. */
type Liveness = (handle: Worker['handle'], heartbeat: number) => boolean;

/** How each target with a readable run directory checks a worker. For all other targets, a mirror reports it. */
const LIVENESS: ReadonlyMap<string, Liveness> = new Map([
  [
    LOCAL,
    (handle: Worker['handle'], heartbeat: number) => {
      const identity = processIdentity.safeParse(handle).data;
      return identity !== undefined && isAlive(identity, heartbeat);
    },
  ],
  // Only Slurm knows, and asking it takes time: who asks the target gets its answer.
  [SLURM, () => true],
]);

/** The best that can be done for a target that this version does not know. */
const byHeartbeat: Liveness = (_handle, heartbeat) => Date.now() - heartbeat < STALE_HEARTBEAT;

/** Whether the worker named in a status is still working, according to its target. */
export const isWorking = ({ worker: seen, heartbeat }: Seen): boolean =>
  seen !== null && (LIVENESS.get(seen.target) ?? byHeartbeat)(seen.handle, heartbeat);

/** Describes a worker, for messages: `process 12 on that-host`. */
export function describeWorker(seen: Worker): string {
  const identity = processOf(seen);
  return identity ? describeProcess(identity) : l10n.t`a worker on ${seen.target}`;
}

export const describeProcess = ({ pid, host }: ProcessIdentity): string => l10n.t`process ${pid} on ${host}`;
