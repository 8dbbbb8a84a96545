import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { isActive, isUnderway, isWaiting, type RunStateName } from '../../protocol/runs';
import { readEvents } from './event-log';
import type { StoredEvent } from '../../protocol/events';
import { expectedDevice } from '../spec/spec';
import { livingHolder } from './lease';
import { attemptsIn } from './lock-file';
import { readMirror } from './mirror-file';
import { readRecord, runPaths } from './directory';
import { queueHandle, waitOf } from '../../workers/queue/wait';
import { readStatus, STATUS_VERSION, stateOf, type RunStatus } from './status';

/**
 * The state of a run as readers show it: the one on disk, or `lost` if its process exited unexpectedly, `damaged` if
 * `status.json` cannot be read, `unreadable` if `run.json` cannot.
 */
export type RunState = RunStateName;

export interface StatusAndState {
  readonly status: RunStatus;
  readonly state: Exclude<RunState, 'unreadable'>;
  /** For a run underway on another machine: when its target was last heard from, milliseconds since 1970. */
  readonly heard?: number;
}

/**
 * The status of a run and its current state. A status file that cannot be read is rebuilt from the other files. A worker that
 * ends after its status is read and before its process is checked would seem lost; since it writes its final status before it
 * exits, a second look settles it.
 * @throws UserError `run.unreadable`, `run.newer`, `file.*` if `run.json` cannot be read, or if a newer version wrote either
 *   file
 */
export async function readState(dir: string): Promise<StatusAndState> {
  const first = await look(dir);
  return first.state === 'lost' || first.state === 'damaged' ? look(dir) : first;
}

async function look(dir: string): Promise<StatusAndState> {
  try {
    const status = await readStatus(runPaths(dir).status);
    // A mirror shows what its target last reported: the worker cannot be checked from here.
    const mirror = isUnderway(status.state) ? await readMirror(dir) : undefined;
    if (mirror) return { status, state: status.state, heard: mirror.heard };
    return { status, state: stateOf(status), ...waiting(dir, status) };
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'run.newer') throw error;
    const status = await rebuildStatus(dir, error);
    // A living worker writes the file again with its next heartbeat.
    return { status, state: isActive(status.state) ? status.state : 'damaged' };
  }
}

/** What the queue of this machine says now about a run that waits there; nothing about any other run. */
function waiting(dir: string, status: RunStatus): StatusAndState | undefined {
  const handle = isWaiting(status.state) ? queueHandle(status.worker) : undefined;
  const wait = handle && waitOf(dir, handle);
  if (!wait) return undefined;
  const { waits, ...reason } = wait;
  return { status: { ...status, reason }, state: waits ? status.state : 'lost' };
}

/**
 * The status of a run, from its locks, events and other files.
 * @param cause why the status file cannot be read
 */
async function rebuildStatus(dir: string, cause: UserError): Promise<RunStatus> {
  const paths = runPaths(dir);
  const { spec } = await readRecord(dir);
  const { events } = await readEvents(paths.events);
  const states = events.filter((event) => event.type === 'state');
  const [last, began] = [states.at(-1), states.findLast(({ state }) => state === 'running')];
  const locked = (await attemptsIn(dir)).at(-1) ?? 0;
  const heartbeat = Math.max(...(await Promise.all([paths.events, paths.log, paths.record].map(timeOf))));
  const holder = await livingHolder(dir, locked, { heartbeat, worker: null });
  const worker = holder === 'starting' ? null : (holder ?? null);
  const attempt = Math.max(locked, events.at(-1)?.attempt ?? 0);
  const ended = last && last.state !== 'running' && last.state !== 'stopping' ? last : undefined;
  return {
    v: STATUS_VERSION,
    state: worker ? 'running' : (ended?.state ?? (attempt === 0 ? 'queued' : 'failed')),
    attempt,
    worker,
    device: expectedDevice(spec.device),
    machine: null,
    heartbeat,
    started: began?.time ?? null,
    ended: worker ? null : (ended?.time ?? null),
    worked: workedBefore(events, began?.attempt ?? 0),
    reason: worker
      ? null
      : { code: 'run.damaged', message: cause.message, hint: await whatToDo(dir, ended?.state === 'done') },
  };
}

/** How long the attempts before this one worked, from their events, milliseconds. */
function workedBefore(events: readonly StoredEvent[], attempt: number): number {
  const spans = new Map<number, { readonly first: number; last: number }>();
  for (const { attempt: of, time } of events) {
    if (of >= attempt) continue;
    const span = spans.get(of);
    if (span) span.last = time;
    else spans.set(of, { first: time, last: time });
  }
  return [...spans.values()].reduce((sum, { first, last }) => sum + Math.max(0, last - first), 0);
}

async function whatToDo(dir: string, done: boolean): Promise<string> {
  const names = await readdir(runPaths(dir).checkpoints).catch(() => []);
  const resume = `"winnow resume ${path.basename(dir)}"`;
  if (done) return l10n.t`The run was done; ${resume} rebuilds the file.`;
  return names.some((name) => !name.startsWith('.'))
    ? l10n.t`${resume} rebuilds the file and continues from the last checkpoint.`
    : l10n.t`${resume} rebuilds the file and starts from the beginning: there is no checkpoint.`;
}

/** When a file was last modified, milliseconds since 1970; 0 if it does not exist. */
const timeOf = (file: string) =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
