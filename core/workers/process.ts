import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as z from 'zod';
import { systemCode } from '../errors';

/**
 * Which process, exactly. A process number alone is used again by the system, so the start time belongs to it; it is
 * null where the system does not tell.
 */
export const processIdentity = z.preprocess(
  // Locks and records that were written before call the start time so.
  (value) =>
    typeof value === 'object' && value !== null && 'pidStart' in value ? { start: value.pidStart, ...value } : value,
  z.object({ host: z.string(), pid: z.int().positive(), start: z.string().nullable() }),
);
export type ProcessIdentity = z.output<typeof processIdentity>;

/** A worker on another host that has not written its heartbeat for this long is taken for dead, milliseconds. */
export const STALE_HEARTBEAT = 60_000;

/** When a process of this host started, in the system's own words; null when it is gone or the system does not tell. */
function startTime(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Field 22, in clock ticks since boot (proc(5)); the name in field 2 may hold spaces and brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      return `${boot}:${fields[19] ?? ''}`;
    }
    if (process.platform === 'darwin')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
    return null;
  } catch {
    return null;
  }
}

/** A killed process whose parent has not collected it still answers to signals, but it will never work again. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] === 'Z';
  } catch {
    return false;
  }
}

/** @param pid a process of this host that runs */
export function identityOf(pid: number): ProcessIdentity {
  return { host: hostname(), pid, start: startTime(pid) };
}

export const ownIdentity = (): ProcessIdentity => identityOf(process.pid);

export const isThisHost = (identity: ProcessIdentity) => identity.host === hostname();

/**
 * Whether a process still runs. On another host only its heartbeat can tell.
 * @param heartbeat time of its last sign of life, milliseconds since 1970
 */
export function isAlive(identity: ProcessIdentity, heartbeat: number): boolean {
  if (!isThisHost(identity)) return Date.now() - heartbeat < STALE_HEARTBEAT;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    if (systemCode(error) !== 'EPERM') return false;
  }
  return !isZombie(identity.pid) && (identity.start === null || identity.start === startTime(identity.pid));
}
