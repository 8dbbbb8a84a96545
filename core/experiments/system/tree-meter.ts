/** What one process has used so far. */
export interface ProcessUse {
  readonly pid: number;
  /** When it started, in the system's format, since process ids are used again; empty if the system does not tell. */
  readonly start: string;
  readonly parent: number;
  /** Seconds of CPU time: its own, and of the children that have ended and that it has waited for. */
  readonly cpu: number;
  readonly waited: number;
  /** Bytes read from disks and written to them by it and the children that it has waited for; undefined if unknown. */
  readonly io?: { readonly read: number; readonly written: number };
  /** Bytes of memory; undefined if unknown. */
  readonly memory?: number;
}

/** What a tree of processes has used since the last time; undefined where it is unknown. */
export interface TreeUse {
  /** Seconds of CPU time. */
  readonly cpu: number;
  /** Bytes. */
  readonly read: number | undefined;
  readonly written: number | undefined;
}

/**
 * Adds up what changing processes use, each second and byte once. When a process ends, all that it had used moves to the parent
 * that waits for it: what was already counted while it lived is taken off there. What a process used that began and ended between
 * two readings is counted with its parent. What a process used after the last reading, and nobody waited for it, is lost.
 */
export class TreeMeter {
  #before: ReadonlyMap<string, ProcessUse> | undefined;

  /** Undefined the first time. */
  advance(processes: readonly ProcessUse[]): TreeUse | undefined {
    const before = this.#before;
    const now = new Map(processes.map((one) => [keyOf(one), withLastIo(one, before?.get(keyOf(one)))]));
    this.#before = now;
    if (!before) return undefined;
    let [cpu, read, written] = [0, 0, 0];
    let known = true;
    /** What each process has got from children that it waited for, since the last time: seconds. */
    const inherited = new Map<string, number>();
    for (const [key, one] of now) {
      const was = before.get(key);
      cpu += one.cpu - (was?.cpu ?? 0) + one.waited - (was?.waited ?? 0);
      inherited.set(key, one.waited - (was?.waited ?? 0));
      if (one.io && (!was || was.io)) {
        read += one.io.read - (was?.io?.read ?? 0);
        written += one.io.written - (was?.io?.written ?? 0);
      } else known = false;
    }
    const byPid = new Map([...before.values()].map((one) => [one.pid, one]));
    for (const [key, ended] of before) {
      if (now.has(key)) continue;
      const heir = heirOf(ended, byPid, now);
      const got = heir === undefined ? -1 : inherited.get(heir)!;
      const total = ended.cpu + ended.waited;
      // Nobody has waited for it.
      if (heir === undefined || got < total - TICK) continue;
      inherited.set(heir, got - total);
      cpu -= total;
      read -= ended.io?.read ?? 0;
      written -= ended.io?.written ?? 0;
    }
    return {
      cpu: Math.max(0, cpu),
      read: known ? Math.max(0, read) : undefined,
      written: known ? Math.max(0, written) : undefined,
    };
  }
}

/** Times are rounded to a hundredth of a second, more than once on their way; seconds. */
const TICK = 0.05;

/** A process that has ended, and that nobody has waited for yet, does not tell any more: what follows is counted with its heir. */
const withLastIo = (one: ProcessUse, before: ProcessUse | undefined): ProcessUse =>
  one.io || !before?.io ? one : { ...one, io: before.io };

const keyOf = ({ pid, start }: ProcessUse) => `${pid} ${start}`;

/** The closest ancestor that is still there. */
function heirOf(
  ended: ProcessUse,
  before: ReadonlyMap<number, ProcessUse>,
  now: ReadonlyMap<string, ProcessUse>,
): string | undefined {
  for (let at = before.get(ended.parent); at; at = before.get(at.parent)) if (now.has(keyOf(at))) return keyOf(at);
  return undefined;
}
