import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { explainReadError } from '../checkpoint/byte-source';
import { explainDiskError } from '../files';
import { systemCode, UserError } from '../errors';
import { decodeEvent, encodeEvent, EVENTS_VERSION, type RunEvent, type StoredEvent } from './events';

const LINE_FEED = 0x0a;
/** Bytes read at a time: one system call covers some thousand events, and a huge log never lies in memory as a whole. */
const CHUNK = 1 << 20;

/** Length of the file up to and including its last line feed: what follows is a line that a kill cut short. */
function lengthOfWholeLines(file: number): number {
  const buffer = Buffer.alloc(64 * 1024);
  let end = fstatSync(file).size;
  while (end > 0) {
    const start = Math.max(0, end - buffer.length);
    const read = readSync(file, buffer, 0, end - start, start);
    const at = buffer.subarray(0, read).lastIndexOf(LINE_FEED);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/**
 * Appends events to `events.jsonl`, one system call per line, so that a process killed at any moment leaves whole lines
 * and at most one torn one at the end. Events of earlier attempts stay in the file (a reader may hold an offset into
 * it); each line carries its attempt, and `RunHistory` drops what a later attempt repeated.
 */
export class EventWriter {
  readonly #file: number;
  #size: number;

  /**
   * Opens the log, creating it, and cuts a torn last line off.
   * @throws UserError `disk.*`
   */
  constructor(
    readonly path: string,
    readonly attempt: number,
  ) {
    try {
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o666);
      this.#size = lengthOfWholeLines(this.#file);
      ftruncateSync(this.#file, this.#size);
    } catch (error) {
      throw explainDiskError(error, path);
    }
  }

  /** @throws UserError `disk.*`, or `run.vanished` when somebody deleted the file: it would swallow events silently. */
  append(event: RunEvent, time: number = Date.now()): void {
    const bytes = Buffer.from(encodeEvent({ ...event, v: EVENTS_VERSION, time, attempt: this.attempt }));
    if (fstatSync(this.#file).nlink === 0) throw vanished(this.path);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#file, bytes, written);
      this.#size += bytes.length;
    } catch (error) {
      // A disk that filled up in the middle of the line must not leave half of it before the next attempt's lines.
      ftruncateSync(this.#file, this.#size);
      throw explainDiskError(error, this.path);
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

export const vanished = (file: string) =>
  new UserError('run.vanished', `The run directory is gone: ${file} was deleted or moved.`, 'Start the spec again.');

/** Where a reader stands in an event log. */
export interface Position {
  /** Byte offset after the last whole line read. */
  readonly offset: number;
  /** Lines before `offset`. */
  readonly lines: number;
}

/** What one read found: events in file order, lines that are none; its position is where to read on. */
export interface EventsRead extends Position {
  readonly events: StoredEvent[];
  /** Corrupt lines, skipped; `line` counts from 1. */
  readonly problems: { readonly line: number; readonly text: string }[];
}

export const START: Position = { offset: 0, lines: 0 };

/**
 * Reads the events from a position to the end. A last line without its line feed is held back for the next read: its
 * writer may be in the middle of it. A file that does not exist (yet) holds no events.
 */
export async function readEvents(file: string, from: Position = START): Promise<EventsRead> {
  const events: StoredEvent[] = [];
  const problems: { line: number; text: string }[] = [];
  let { offset, lines } = from;
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw explainReadError(error, file);
  });
  if (!handle) return { events, problems, offset, lines };
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
        const decoded = decodeEvent(line);
        if ('event' in decoded) events.push(decoded.event);
        else problems.push({ line: lines, text: `${file}, line ${lines}: ${decoded.problem}.` });
      }
      offset += whole;
      held = bytes.subarray(whole);
    }
  } finally {
    await handle.close();
  }
  return { events, problems, offset, lines };
}

/** The events in about the last `bytes` bytes: enough for a list that shows the latest metrics of a thousand runs. */
export async function readLastEvents(file: string, bytes = 16 * 1024): Promise<StoredEvent[]> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return [];
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .slice(start > 0 ? 1 : 0, -1);
    return lines.map(decodeEvent).flatMap((decoded) => ('event' in decoded ? [decoded.event] : []));
  } finally {
    await handle.close();
  }
}
