import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as z from 'zod';
import { systemCode } from '../errors';

/**
 * Identifies a process exactly. The system reuses process ids, so the start time is part of it; null if the system does not
 * report one.
 */
export const processIdentity = z.preprocess(
  // Older locks and records have the start time under this name.
  (value) =>
    typeof value === 'object' && value !== null && 'pidStart' in value ? { start: value.pidStart, ...value } : value,
  z.object({ host: z.string(), pid: z.int().positive(), start: z.string().nullable() }),
);
export type ProcessIdentity = z.output<typeof processIdentity>;

/** A worker on another host whose heartbeat is older than this is assumed dead, milliseconds. */
export const STALE_HEARTBEAT = 60_000;

/** When a process of this host started, in the system's format; null if it is gone or the system does not report it. */
function startTime(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Field 22, in clock ticks since boot (proc(5)); the name in field 2 may contain spaces and parentheses.
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

/** A zombie still answers to signals, but it will never work again. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] === 'Z';
  } catch {
    return false;
  }
}

/** @param pid a running process of this host */
export function identityOf(pid: number): ProcessIdentity {
  return { host: hostname(), pid, start: startTime(pid) };
}

export const ownIdentity = (): ProcessIdentity => identityOf(process.pid);

export const isThisHost = (identity: ProcessIdentity) => identity.host === hostname();

/**
 * Whether a process is still running. For another host, only its heartbeat tells.
 * @param heartbeat time of its last heartbeat, milliseconds since 1970
 */
export function isAlive(identity: ProcessIdentity, heartbeat: number): boolean {
  if (!isThisHost(identity)) return Date.now() - heartbeat < STALE_HEARTBEAT;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: it exists, but belongs to another user.
    if (systemCode(error) !== 'EPERM') return false;
  }
  return !isZombie(identity.pid) && (identity.start === null || identity.start === startTime(identity.pid));
}
