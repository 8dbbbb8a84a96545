import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../../errors';
import { explainDiskError, guardWrites, writeFileAtomic } from '../../files';
import { attemptsIn, lockPath, lockText, newestOf, readHolder } from './lock-file';
import { ownIdentity, type ProcessIdentity } from '../../workers/process';
import { describeWorker, isWorking, localWorker, type Worker } from '../../workers/worker';
import { isGone } from './directory';
import { mirrorPath } from './mirror-file';

/** What the status of a run says about its last worker. */
export interface LastSeen {
  /** Time of its last heartbeat, for a worker on another host, milliseconds since 1970. */
  readonly heartbeat: number;
  readonly attempt: number;
  readonly worker: Worker | null;
}

/** Thrown in a worker whose run was taken over by another one. The worker exits at once and writes nothing more. */
export class LeaseLost extends UserError {
  constructor(dir: string, attempt: number, newest: number) {
    super(
      'run.taken-over',
      l10n.t`Attempt ${newest} has taken over the run in ${dir}; this is attempt ${attempt}, which exits now and writes nothing more.`,
      l10n.t('It was assumed dead because its heartbeat had stopped: its process was frozen, or its host was asleep.'),
    );
  }
}

/**
 * The right to write to a run directory, held by one process at a time: the newest `worker-<attempt>.lock`.
 *
 * A holder without a sign of life (its process is frozen, its host is asleep or unreachable) is assumed dead, and the next
 * worker creates a file with a higher number. If the first one wakes up, both run; the number keeps them apart. Everything
 * that `core/files` writes below the directory calls `check` first, and so do the event log and everything else that gets the
 * lease.
 *
 * Between check and write there is a gap of a few system calls, and a process may be frozen right there. What it can then
 * still do:
 * - A file or folder that was to be renamed into place is not: a new holder removes all unfinished writes, after its lock
 *   exists and before it writes anything, so there is nothing left to rename. A folder to be replaced may have been moved
 *   aside for a moment; it is moved back.
 * - One line may reach the event log. Readers skip a line that follows one of a higher attempt.
 * - `status.json` may be overwritten in place once, which a worker only does if a full disk has no room for a new file.
 * - A removal that has begun (of the checkpoint `last` at the end of a training) continues.
 *
 * All of this requires that every host sees a new file at once. If a network file system hides it for a while (NFS caches
 * failed lookups; but opening one's own lock file, which the new holder removes, asks the server), the old worker continues
 * for that long.
 */
export class Lease {
  readonly #holder = ownIdentity();
  readonly #unguard: () => void;

  private constructor(
    readonly dir: string,
    /** Number of holders so far, from 1. */
    readonly attempt: number,
  ) {
    this.#unguard = guardWrites(dir, () => {
      this.check();
    });
  }

  /**
   * Takes the lease. Each holder creates a new file, which only one process can do. The newest file is never deleted, only
   * marked as released: if a dead holder's file were removed and created again, two processes could both do so.
   * @param seen what the status says, for lock files that are missing or truncated
   * @throws UserError `run.busy` if a living process holds it, `run.mirror` if the directory is a mirror, `disk.*`
   */
  static async take(dir: string, seen: LastSeen): Promise<Lease> {
    if (existsSync(mirrorPath(dir))) throw isMirror(dir);
    const last = (await attemptsIn(dir)).at(-1) ?? 0;
    const holder = await livingHolder(dir, last, seen);
    if (holder) throw busy(dir, holder === 'starting' ? l10n.t('another process') : describeWorker(holder));

    const attempt = Math.max(last, seen.attempt) + 1;
    await make(dir, attempt);
    // Since we looked, other processes may have come and gone and removed the older files that the number was based on.
    const found = await attemptsIn(dir);
    if (found.at(-1) !== attempt) {
      await rm(lockPath(dir, attempt), { force: true });
      throw busy(dir, l10n.t('another process'));
    }
    // Oldest first: a holder must never find its own file without a newer one.
    for (const older of found) if (older < attempt) await rm(lockPath(dir, older), { force: true });
    return new Lease(dir, attempt);
  }

  /** @throws LeaseLost if another process holds the lease now */
  check(): void {
    const own = lockPath(this.dir, this.attempt);
    if (!existsSync(lockPath(this.dir, this.attempt + 1)) && canBeOpened(own)) return;
    const newest = newestNow(this.dir);
    if (newest > this.attempt) throw new LeaseLost(this.dir, this.attempt, newest);
    // Our lock file was deleted, but nobody has taken over: the lease is still ours.
    if (newest < this.attempt && !isGone(this.dir)) makeAgain(own, this.#holder);
  }

  /** Marks the lease as released. If that cannot be written, the end of this process has the same effect. */
  async release(): Promise<void> {
    await writeFileAtomic(lockPath(this.dir, this.attempt), lockText(null)).catch(() => undefined);
    this.#unguard();
  }
}

const busy = (dir: string, holder: string) =>
  new UserError(
    'run.busy',
    l10n.t`The run in ${dir} is in use by ${holder}.`,
    l10n.t('Wait for it, or stop it first.'),
  );

export const isMirror = (dir: string) =>
  new UserError(
    'run.mirror',
    l10n.t`${dir} is a mirror of a run on another machine: no worker writes into it.`,
    l10n.t('Resume the run on its target, or run it again here with "winnow rerun".'),
  );

/** The living holder of the newest lock, if any. */
export async function livingHolder(
  dir: string,
  attempt: number,
  { heartbeat, worker }: Pick<LastSeen, 'heartbeat' | 'worker'>,
): Promise<Worker | 'starting' | undefined> {
  const written = attempt > 0 ? await readHolder(dir, attempt) : undefined;
  if (written === 'starting') return 'starting';
  if (written === 'released') return undefined;
  // The lock names a process on this machine, regardless of the target that started it.
  const holder = written ? localWorker(written) : worker;
  return holder && isWorking({ worker: holder, heartbeat }) ? holder : undefined;
}

async function make(dir: string, attempt: number): Promise<void> {
  const file = lockPath(dir, attempt);
  const handle = await open(file, 'wx').catch((error: unknown) => {
    throw systemCode(error) === 'EEXIST' ? busy(dir, l10n.t('another process')) : explainDiskError(error, file);
  });
  try {
    await handle.writeFile(lockText(ownIdentity()));
  } catch (error) {
    // Only this process can have created this file, so removing it is safe.
    await rm(file, { force: true }).catch(() => undefined);
    throw explainDiskError(error, file);
  } finally {
    await handle.close();
  }
}

function canBeOpened(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}

/** 0 if the folder cannot be read: it was deleted, which others report better. */
function newestNow(dir: string): number {
  try {
    return newestOf(readdirSync(dir));
  } catch {
    return 0;
  }
}

function makeAgain(file: string, holder: ProcessIdentity): void {
  try {
    writeFileSync(file, lockText(holder), { flag: 'wx' });
  } catch {
    // The disk is full or the folder is being deleted: the next write reports it.
  }
}
