import * as z from 'zod';
import { remove, writeFileAtomic } from '../../files';
import { isNotFound, readText } from '../../read-text';
import { runPaths } from './directory';
import type { Lease } from './lease';
import { attemptsIn } from './lock-file';
import { parseAs, type RunStatus } from './status';

const stopRequest = z.object({
  v: z.literal(1),
  /** The last attempt that should stop; attempts started later are not affected. */
  attempt: z.int().positive(),
  /** Immediately, without a checkpoint. */
  force: z.boolean(),
  /** When the stop was requested, milliseconds since 1970. */
  time: z.number(),
});
/**
 * The content of `stop.json`, a request to the worker to stop. The worker checks for it with every heartbeat. So whoever can
 * write to the run directory can stop the worker, wherever it runs.
 */
export type StopRequest = z.output<typeof stopRequest>;

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readStopRequest(dir: string): Promise<StopRequest | undefined> {
  const file = runPaths(dir).stop;
  const text = await readText(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseAs(stopRequest, text, file);
}

/**
 * Asks the worker of a run to stop; if the run is still waiting, the worker that will start next.
 * @returns false if this was already requested
 * @throws UserError `disk.*`
 */
export async function requestStop(
  dir: string,
  { attempt: seen, worker, state }: Pick<RunStatus, 'attempt' | 'worker' | 'state'>,
  { force }: { readonly force: boolean },
): Promise<boolean> {
  const locked = (await attemptsIn(dir)).at(-1) ?? 0;
  const works = worker !== null && (state === 'running' || state === 'stopping');
  const attempt = Math.max(seen, locked) + (works ? 0 : 1);
  const before = await readStopRequest(dir).catch(() => undefined);
  if (before && before.attempt >= attempt && (before.force || !force)) return false;
  const request: StopRequest = { v: 1, attempt, force, time: Date.now() };
  await writeFileAtomic(runPaths(dir).stop, `${JSON.stringify(request, undefined, 2)}\n`);
  return true;
}

/** The stop request for this attempt, if there is one. @throws as `readStopRequest` */
export async function stopRequested(lease: Pick<Lease, 'dir' | 'attempt'>): Promise<StopRequest | undefined> {
  const request = await readStopRequest(lease.dir);
  return request && request.attempt >= lease.attempt ? request : undefined;
}

/** Removes a request that was meant for an earlier attempt. @throws UserError `disk.*`, LeaseLost */
export async function clearStopRequest(lease: Pick<Lease, 'dir' | 'attempt'>): Promise<void> {
  const { stop } = runPaths(lease.dir);
  const request = await readStopRequest(lease.dir).catch(() => undefined);
  if (request && request.attempt < lease.attempt) await remove(stop);
}
