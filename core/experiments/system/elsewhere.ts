import os from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { runToEnd } from '../../engine/devices/probe';
import type { MachineUse, TreeReader } from './reading';
import type { ProcessUse } from './tree-meter';

// macOS and Windows.

const TIMEOUT_MS = 5_000;
const KIB = 1024;

/** A process and everything that it started, as `ps` lists them. It does not tell what was read from disks and written to them. */
export class PsTree implements TreeReader {
  constructor(readonly root: number) {}

  async read(): Promise<readonly ProcessUse[]> {
    const { code, stdout } = await runToEnd('ps', ['-A', '-o', 'pid=,ppid=,time=,rss='], TIMEOUT_MS);
    return code === 0 ? treeIn(stdout, this.root) : [];
  }
}

/** @param text a line for each process: its id, its parent's, its CPU time, its memory in KiB */
export function treeIn(text: string, root: number): ProcessUse[] {
  const all = text.split('\n').flatMap((line): ProcessUse[] => {
    const [pid, parent, time = '', memory] = line.trim().split(/\s+/);
    const cpu = secondsOf(time);
    if (cpu === undefined) return [];
    return [{ pid: Number(pid), start: '', parent: Number(parent), cpu, waited: 0, memory: Number(memory) * KIB }];
  });
  const tree = all.filter(({ pid }) => pid === root);
  // `tree` grows during the loop.
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return tree;
}

/** `1:02.50` on macOS, `[days-]00:01:02` elsewhere. Undefined if it is neither. */
export function secondsOf(time: string): number | undefined {
  const [, days, hours, minutes, seconds] = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(time) ?? [];
  if (minutes === undefined) return undefined;
  return ((Number(days ?? 0) * 24 + Number(hours ?? 0)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

/** This process alone: on Windows, asking for others takes a second of CPU time each time. */
export const ownProcess: TreeReader = {
  read: () => {
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage.rss();
    return Promise.resolve([
      { pid: process.pid, start: '', parent: process.ppid, cpu: (user + system) / 1e6, waited: 0, memory },
    ]);
  },
};

/** For a run whose program cannot be measured: nothing is known of it. */
export const unknownTree: TreeReader = { read: () => Promise.resolve([]) };

export async function machineElsewhere(): Promise<MachineUse> {
  const times = os.cpus().map((core) => core.times);
  const sum = (of: (core: (typeof times)[number]) => number) => times.reduce((all, core) => all + of(core), 0) / 1000;
  const all = sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq);
  const { mem } = await import('systeminformation');
  const memory = await Promise.race([mem().catch(() => undefined), setTimeout(TIMEOUT_MS, undefined, { ref: false })]);
  return {
    ...(all > 0 && { processor: { busy: all - sum(({ idle }) => idle), all } }),
    ...(memory && memory.total > 0 && { memory: { used: memory.active, total: memory.total } }),
  };
}
