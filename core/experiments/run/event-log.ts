import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { AppendFile } from './append-file';
import { decodeEvent, encodeEvent, EVENTS_VERSION, type RunEvent, type StoredEvent } from '../../protocol/events';
import type { Lease } from './lease';
import { decodeAfter, openLog, readLog, START, type DecodeLine, type LogRead, type Position } from './line-log';

/**
 * Appends events to `events.jsonl`, one system call per line, so that a process killed at any moment leaves whole lines and
 * at most one incomplete line at the end. Events of earlier attempts stay in the file, because a reader may hold an offset
 * into it; each line names its attempt, and `RunHistory` drops what a later attempt repeated.
 */
export class EventWriter {
  readonly #file: AppendFile;

  /**
   * Opens or creates the log and removes an incomplete last line.
   * @throws UserError `disk.*`
   */
  constructor(
    readonly path: string,
    readonly lease: Pick<Lease, 'attempt' | 'check'>,
  ) {
    this.#file = new AppendFile(path);
  }

  /**
   * @throws UserError `disk.*`, `file.closed` after `close`, `run.vanished` if the file was deleted, so that events would be
   *   lost silently; LeaseLost
   */
  append(event: RunEvent & Pick<StoredEvent, 'source'>, time: number = Date.now()): void {
    const line = encodeEvent({ ...event, v: EVENTS_VERSION, time, attempt: this.lease.attempt });
    if (this.#file.isDeleted) throw vanished(this.path);
    this.lease.check();
    this.#file.append(Buffer.from(line));
  }

  close(): void {
    this.#file.close();
  }
}

export const vanished = (file: string) =>
  new UserError(
    'run.vanished',
    l10n.t`The run directory is gone: ${file} was deleted or moved.`,
    l10n.t('Start the spec again.'),
  );

/** The result of one read, in file order. Its position is where the next read continues. */
export interface EventsRead extends Position {
  readonly events: StoredEvent[];
  readonly problems: LogRead<StoredEvent>['problems'];
}

const decode: DecodeLine<StoredEvent> = (line) => {
  const decoded = decodeEvent(line);
  return 'event' in decoded ? { entry: decoded.event } : decoded;
};

/** Reads the events from a position to the end: see `readLog`. @throws UserError `file.*` */
export async function readEvents(file: string, from: Position = START): Promise<EventsRead> {
  const { entries, ...rest } = await readLog(file, from, decode);
  return { events: entries, ...rest };
}

/** The events in roughly the last `bytes` bytes, for lists that show the latest metrics of a thousand runs. */
export async function readLastEvents(file: string, bytes = 16 * 1024): Promise<StoredEvent[]> {
  const handle = await openLog(file).catch(() => undefined);
  if (!handle) return [];
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .slice(start > 0 ? 1 : 0, -1);
    let attempt = 0;
    return lines.flatMap((line) => {
      const decoded = decodeAfter(line, attempt, decode);
      if (!('entry' in decoded)) return [];
      ({ attempt } = decoded.entry);
      return [decoded.entry];
    });
  } catch {
    return [];
  } finally {
    await handle.close();
  }
}
