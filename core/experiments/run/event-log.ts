import type { FileHandle } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { explainReadError } from '../../file-errors';
import { UserError } from '../../errors';
import { isNotFound, openToRead } from '../../read-text';
import { AppendFile } from './append-file';
import { decodeEvent, encodeEvent, EVENTS_VERSION, type RunEvent, type StoredEvent } from '../../protocol/events';
import type { Lease } from './lease';

const LINE_FEED = 0x0a;
/** Bytes read at a time: some thousand events per system call, without holding a huge log in memory. */
const CHUNK = 1 << 20;

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

/** A reader's position in an event log. */
export interface Position {
  /** Byte offset after the last complete line that was read. */
  readonly offset: number;
  /** Lines before `offset`. */
  readonly lines: number;
  /** The highest attempt in those lines. */
  readonly attempt: number;
}

/** The result of one read, in file order. Its position is where the next read continues. */
export interface EventsRead extends Position {
  readonly events: StoredEvent[];
  /** Lines that were skipped: corrupt, or written by a worker that had lost its lease; `line` counts from 1. */
  readonly problems: { readonly line: number; readonly text: string }[];
}

export const START: Position = { offset: 0, lines: 0, attempt: 0 };

/**
 * Reads the events from a position to the end. A last line without a line feed is left for the next read, since it may still
 * be written. A file that does not exist (yet) has no events.
 * @throws UserError `file.*`
 */
export async function readEvents(file: string, from: Position = START): Promise<EventsRead> {
  const events: StoredEvent[] = [];
  const problems: { line: number; text: string }[] = [];
  let { offset, lines, attempt } = from;
  const handle = await openLog(file);
  if (!handle) return { events, problems, offset, lines, attempt };
  try {
    let held = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, offset + held.length);
      if (bytesRead === 0) break;
      const bytes = Buffer.concat([held, chunk.subarray(0, bytesRead)]);
      const whole = bytes.lastIndexOf(LINE_FEED) + 1;
      for (const line of whole > 0 ? bytes.toString('utf8', 0, whole - 1).split('\n') : []) {
        lines++;
        const decoded = decodeLine(line, attempt);
        if ('event' in decoded) {
          events.push(decoded.event);
          ({ attempt } = decoded.event);
        } else problems.push({ line: lines, text: l10n.t`${file}, line ${lines}: ${decoded.problem}.` });
      }
      offset += whole;
      held = bytes.subarray(whole);
    }
  } catch (error) {
    throw explainReadError(error, file);
  } finally {
    await handle.close();
  }
  return { events, problems, offset, lines, attempt };
}

/**
 * A line after one of a higher attempt was written by a worker that had lost its lease without knowing it yet.
 * @param attempt the highest attempt before the line
 */
function decodeLine(line: string, attempt: number): ReturnType<typeof decodeEvent> {
  const decoded = decodeEvent(line);
  return 'event' in decoded && decoded.event.attempt < attempt
    ? { problem: l10n.t`written by attempt ${decoded.event.attempt} after attempt ${attempt} had taken over` }
    : decoded;
}

/** Undefined if the file does not exist (yet). @throws UserError `file.*` */
async function openLog(file: string): Promise<FileHandle | undefined> {
  return openToRead(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
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
      const decoded = decodeLine(line, attempt);
      if (!('event' in decoded)) return [];
      ({ attempt } = decoded.event);
      return [decoded.event];
    });
  } catch {
    return [];
  } finally {
    await handle.close();
  }
}
