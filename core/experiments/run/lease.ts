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

/** What the status of a run says of whoever worked on it last. */
export interface LastSeen {
  /** Time of its last sign of life, for a worker on another host, milliseconds since 1970. */
  readonly heartbeat: number;
  readonly attempt: number;
  readonly worker: Worker | null;
}

/** Thrown in a worker whose run another one has taken over. It ends at once and writes nothing more. */
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
 * The right to work in a run directory, held by one process at a time: the newest `worker-<attempt>.lock`.
 *
 * A holder that gives no sign of life (frozen, on a host that sleeps or cannot be reached) is taken for dead, and the next
 * one makes a file of a higher number. When the first wakes up, both run; what keeps them apart is this number. Everything
 * that `core/files` writes below the directory asks `check` first, and so do the event log and whoever else gets the lease.
 *
 * Between the question and the write there is a gap of a few system calls, in which a process may be frozen, too. What it
 * can do there:
 * - A file or folder that was to be renamed into its place is not: a new holder removes all unfinished writes after its
 *   lock is there and before it writes itself, so the rename finds nothing to rename. A folder that the rename would have
 *   replaced may have stepped aside for a moment; it steps back.
 * - One line may reach the event log. Readers leave a line out that follows one of a higher attempt.
 * - One write over `status.json` as it lies, which a worker makes only where a full disk has no room for a new file.
 * - A removal that has begun (of the checkpoint `last` at the end of a training) goes on.
 *
 * All this holds where all hosts see a new file at once. A network file system that hides it for a while (NFS does for
 * names that it has looked up in vain; opening one's own lock file, which the new holder removes, asks the server) leaves a
 * worker at work for that long.
 */
export class Lease {
  readonly #holder = ownIdentity();
  readonly #unguard: () => void;

  private constructor(
    readonly dir: string,
    /** Counts the holders so far, from 1. */
    readonly attempt: number,
  ) {
    this.#unguard = guardWrites(dir, () => {
      this.check();
    });
  }

  /**
   * Takes the lease. Each holder makes a new file, which only one process can create; the newest file is never deleted,
   * only marked released. Removing a dead holder's file to make it again would let two processes both remove and make it.
   * @param seen what the status says, which counts where lock files are missing or torn
   * @throws UserError `run.busy` when a living process holds it, `run.mirror` where no worker may ever write, `disk.*`
   */
  static async take(dir: string, seen: LastSeen): Promise<Lease> {
    if (existsSync(mirrorPath(dir))) throw isMirror(dir);
    const last = (await attemptsIn(dir)).at(-1) ?? 0;
    const holder = await livingHolder(dir, last, seen);
    if (holder) throw busy(dir, holder === 'starting' ? l10n.t('another process') : describeWorker(holder));

    const attempt = Math.max(last, seen.attempt) + 1;
    await make(dir, attempt);
    // Between our look and our file others may have come and gone, and removed the older files that we counted on.
    const found = await attemptsIn(dir);
    if (found.at(-1) !== attempt) {
      await rm(lockPath(dir, attempt), { force: true });
      throw busy(dir, l10n.t('another process'));
    }
    // The oldest first: whoever holds one must never find its own file and no newer one.
    for (const older of found) if (older < attempt) await rm(lockPath(dir, older), { force: true });
    return new Lease(dir, attempt);
  }

  /** @throws LeaseLost where another process holds the lease now */
  check(): void {
    const own = lockPath(this.dir, this.attempt);
    if (!existsSync(lockPath(this.dir, this.attempt + 1)) && canBeOpened(own)) return;
    const newest = newestNow(this.dir);
    if (newest > this.attempt) throw new LeaseLost(this.dir, this.attempt, newest);
    // Somebody deleted the file, and nobody has taken the run: it is ours.
    if (newest < this.attempt && !isGone(this.dir)) makeAgain(own, this.#holder);
  }

  /** Says that nobody holds it. Where that cannot be written, the end of this process says it. */
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

/** The living holder of the newest lock, if it has one. */
export async function livingHolder(
  dir: string,
  attempt: number,
  { heartbeat, worker }: Pick<LastSeen, 'heartbeat' | 'worker'>,
): Promise<Worker | 'starting' | undefined> {
  const written = attempt > 0 ? await readHolder(dir, attempt) : undefined;
  if (written === 'starting') return 'starting';
  if (written === 'released') return undefined;
  // Who writes into a directory is a process, whichever target started it: the lock names that.
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
    // Nobody else could make a file of this number, so nobody loses one.
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

/** 0 where the folder cannot be read: it was deleted, which others say better. */
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
    // A full disk, or a folder that is being deleted: the next write says so.
  }
}
