import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { isActive, isUnderway, type RunStateName } from '../../protocol/runs';
import { readEvents } from './event-log';
import type { StoredEvent } from '../../protocol/events';
import { livingHolder } from './lease';
import { attemptsIn } from './lock-file';
import { readMirror } from './mirror-file';
import { readRecord, runPaths } from './directory';
import { readStatus, STATUS_VERSION, stateOf, type RunStatus } from './status';

/**
 * What a reader shows of a run: its state on the disk; `lost` when its process is gone without a last word; `damaged` when
 * `status.json` cannot be read; `unreadable` when `run.json` cannot.
 */
export type RunState = RunStateName;

export interface StatusAndState {
  readonly status: RunStatus;
  readonly state: Exclude<RunState, 'unreadable'>;
  /** Of a run on another machine that is underway: when that was last heard of, milliseconds since 1970. */
  readonly heard?: number;
}

/**
 * The status of a run and the state that it means now. A status file that cannot be read is rebuilt from what lies beside
 * it. A worker that ends between the look at its status and the look at its process would seem lost; it has written its
 * last word before it ended, so a second look tells.
 * @throws UserError `run.unreadable`, `run.newer`, `file.*` where `run.json` cannot be read, or a newer version wrote either
 */
export async function readState(dir: string): Promise<StatusAndState> {
  const first = await look(dir);
  return first.state === 'lost' || first.state === 'damaged' ? look(dir) : first;
}

async function look(dir: string): Promise<StatusAndState> {
  try {
    const status = await readStatus(runPaths(dir).status);
    // What the target of a mirror has said last stands there: its worker cannot be looked at from here.
    const mirror = isUnderway(status.state) ? await readMirror(dir) : undefined;
    return mirror ? { status, state: status.state, heard: mirror.heard } : { status, state: stateOf(status) };
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'run.newer') throw error;
    const status = await rebuildStatus(dir, error);
    // A worker that is alive writes the file anew with its next heartbeat.
    return { status, state: isActive(status.state) ? status.state : 'damaged' };
  }
}

/**
 * What the locks, the events and the other files of a run say where its status does not.
 * @param cause why the status cannot be read
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
    device: { provider: spec.device.provider, threads: spec.device.threads },
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

/** How long the attempts before one worked, as their events tell, milliseconds. */
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

/** When a file was last changed, milliseconds since 1970; 0 where there is none. */
const timeOf = (file: string) =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
