import { readdirSync, readFileSync } from 'node:fs';
import type { MachineUse, TreeReader } from './reading';
import { Pace } from './schedule';
import type { ProcessUse } from './tree-meter';

// Everything here is text that the kernel makes when it is read, described in proc(5): reading it synchronously never waits for
// a disk, and takes a tenth of the time.

/** The kernel tells times in these units, on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

/** A process and everything that it started: also what was started by something that has ended since. */
export class LinuxTree implements TreeReader {
  /** What belonged to the tree, by process id. */
  #known = new Map<number, string>();
  /** By process, as of when it was last asked. */
  #shared = new Map<string, number>();
  readonly #pace = new Pace();

  /** @param proc where the kernel's file system is */
  constructor(
    readonly root: number,
    readonly proc = '/proc',
  ) {}

  read(): Promise<readonly ProcessUse[]> {
    return Promise.resolve(this.readNow());
  }

  readNow(): readonly ProcessUse[] {
    const found = new Map<number, Stat>();
    const lists = this.#text(`${this.root}/task/${this.root}/children`) !== undefined;
    const childrenOf = lists ? (pid: number) => this.#children(pid) : this.#childrenOfAll();
    const add = (pid: number, start?: string) => {
      const stat = found.has(pid) ? undefined : this.#stat(pid);
      if (!stat || (start !== undefined && stat.start !== start)) return;
      found.set(pid, stat);
      for (const child of childrenOf(pid)) add(child);
    };
    add(this.root);
    for (const [pid, start] of this.#known) add(pid, start);
    this.#known = new Map([...found].map(([pid, { start }]) => [pid, start]));
    const shared = this.#sharedIn(found);
    return [...found].map(([pid, stat]) => {
      const io = this.#io(pid);
      // One that has ended has no memory.
      const memory = Math.max(0, (this.#memory(pid) ?? 0) - (shared.get(pid) ?? 0));
      return { pid, ...stat, ...(io && { io }), memory };
    });
  }

  /**
   * How much of the memory of each process counts with the others that have it, too; bytes. To find out, the kernel walks through all
   * of their memory: it is asked for new processes, and for all of them again when it has not taken long or was long ago.
   */
  #sharedIn(found: ReadonlyMap<number, Stat>): ReadonlyMap<number, number> {
    const began = performance.now() / 1000;
    const isDue = began >= this.#pace.next;
    const before = this.#shared;
    const now = new Map<string, number>();
    const shared = new Map<number, number>();
    for (const [pid, { start }] of found) {
      const key = `${pid} ${start}`;
      const known = isDue ? undefined : before.get(key);
      // What one process shares with others outside of the run is all its own.
      const bytes = found.size === 1 ? 0 : (known ?? this.#measureShared(pid));
      if (found.size > 1) now.set(key, bytes);
      shared.set(pid, bytes);
    }
    this.#shared = now;
    if (isDue) this.#pace.measured(began, performance.now() / 1000);
    return shared;
  }

  #measureShared(pid: number): number {
    const text = this.#text(`${pid}/smaps_rollup`);
    const [resident, share] = [kilobytesIn(text, 'Rss'), kilobytesIn(text, 'Pss')];
    return resident === undefined || share === undefined ? 0 : Math.max(0, resident - share);
  }

  #text(file: string): string | undefined {
    try {
      return readFileSync(`${this.proc}/${file}`, 'latin1');
    } catch {
      // It has ended, or belongs to another user.
      return undefined;
    }
  }

  #stat(pid: number): Stat | undefined {
    const text = this.#text(`${pid}/stat`);
    return text === undefined ? undefined : statOf(text);
  }

  /** By thread, as the kernel lists them. */
  #children(pid: number): number[] {
    return this.#names(`${pid}/task`).flatMap((thread) =>
      (this.#text(`${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number),
    );
  }

  /** The children of every process, for kernels that do not list them. */
  #childrenOfAll(): (pid: number) => number[] {
    const children = new Map<number, number[]>();
    for (const name of this.#names('').filter((entry) => /^\d+$/.test(entry))) {
      const parent = this.#stat(Number(name))?.parent;
      if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    }
    return (pid) => children.get(pid) ?? [];
  }

  #names(folder: string): string[] {
    try {
      return readdirSync(`${this.proc}/${folder}`);
    } catch {
      return [];
    }
  }

  #io(pid: number): ProcessUse['io'] {
    const text = this.#text(`${pid}/io`);
    const [read, written] = [numberIn(text, 'read_bytes'), numberIn(text, 'write_bytes')];
    return read === undefined || written === undefined ? undefined : { read, written };
  }

  #memory(pid: number): number | undefined {
    return kilobytesIn(this.#text(`${pid}/status`), 'VmRSS');
  }
}

type Stat = Pick<ProcessUse, 'start' | 'parent' | 'cpu' | 'waited'>;

/** Of a process, from its `stat`. The name in the second field may contain spaces and parentheses. */
export function statOf(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (at: number) => Number(fields[at]) / TICKS_PER_SECOND;
  return {
    parent: Number(fields[1]),
    cpu: ticks(11) + ticks(12),
    waited: ticks(13) + ticks(14),
    start: fields[19] ?? '',
  };
}

/** The number after `name:` at the beginning of a line. */
export function numberIn(text: string | undefined, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

function kilobytesIn(text: string | undefined, name: string): number | undefined {
  const value = numberIn(text, name);
  return value === undefined ? undefined : value * KIB;
}

/** Of all cores together, from the first line of `/proc/stat`; seconds. */
export function processorTimes(text: string): { busy: number; all: number } | undefined {
  const line = /^cpu +([\d ]+)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  // The two after these, of guests, are part of the first two.
  const fields = line.split(' ').slice(0, 8).map(Number);
  const all = fields.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
  const [, , , idle = 0, waiting = 0] = fields;
  return { busy: all - (idle + waiting) / TICKS_PER_SECOND, all };
}

/** Memory in use, without what the system can give back at once, and in total; bytes. */
export function memoryUse(text: string): MachineUse['memory'] {
  const [total, available] = [kilobytesIn(text, 'MemTotal'), kilobytesIn(text, 'MemAvailable')];
  return total === undefined || available === undefined ? undefined : { used: total - available, total };
}

export function linuxMachine(proc = '/proc'): MachineUse {
  const processor = processorTimes(readFileSync(`${proc}/stat`, 'latin1'));
  const memory = memoryUse(readFileSync(`${proc}/meminfo`, 'latin1'));
  return { ...(processor && { processor }), ...(memory && { memory }) };
}
