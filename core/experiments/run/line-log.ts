import type { FileHandle } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { explainReadError } from '../../file-errors';
import { isNotFound, openToRead } from '../../read-text';

const LINE_FEED = 0x0a;
/** Bytes read at a time: some thousand lines per system call, without holding a huge log in memory. */
const CHUNK = 1 << 20;

/** A reader's position in a log. */
export interface Position {
  /** Byte offset after the last complete line that was read. */
  readonly offset: number;
  /** Lines before `offset`. */
  readonly lines: number;
  /** The highest attempt in those lines. */
  readonly attempt: number;
}

export const START: Position = { offset: 0, lines: 0, attempt: 0 };

/** What a line of a log says: who wrote it, besides. */
export interface Attempted {
  /** The attempt of the run that wrote the line, from 1. */
  readonly attempt: number;
}

/** What is on a line (without its line feed), or a sentence about why it is invalid. */
export type DecodeLine<Entry extends Attempted> = (line: string) => { entry: Entry } | { problem: string };

/** The result of one read, in file order. Its position is where the next read continues. */
export interface LogRead<Entry extends Attempted> extends Position {
  readonly entries: Entry[];
  /** Lines that were skipped: corrupt, or written by a worker that had lost its lease; `line` counts from 1. */
  readonly problems: { readonly line: number; readonly text: string }[];
}

/**
 * Reads a log of a run, one entry a line, from a position to the end. A last line without a line feed is left for the next
 * read, since it may still be written. A file that does not exist (yet) has no entries.
 * @throws UserError `file.*`
 */
export async function readLog<Entry extends Attempted>(
  file: string,
  from: Position,
  decode: DecodeLine<Entry>,
): Promise<LogRead<Entry>> {
  const entries: Entry[] = [];
  const problems: { line: number; text: string }[] = [];
  let { offset, lines, attempt } = from;
  const handle = await openLog(file);
  if (!handle) return { entries, problems, offset, lines, attempt };
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
        const decoded = decodeAfter(line, attempt, decode);
        if ('entry' in decoded) {
          entries.push(decoded.entry);
          ({ attempt } = decoded.entry);
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
  return { entries, problems, offset, lines, attempt };
}

/**
 * A line after one of a higher attempt was written by a worker that had lost its lease without knowing it yet.
 * @param attempt the highest attempt before the line
 */
export function decodeAfter<Entry extends Attempted>(
  line: string,
  attempt: number,
  decode: DecodeLine<Entry>,
): ReturnType<DecodeLine<Entry>> {
  const decoded = decode(line);
  return 'entry' in decoded && decoded.entry.attempt < attempt
    ? { problem: l10n.t`written by attempt ${decoded.entry.attempt} after attempt ${attempt} had taken over` }
    : decoded;
}

/** Undefined if the file does not exist (yet). @throws UserError `file.*` */
export async function openLog(file: string): Promise<FileHandle | undefined> {
  return openToRead(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}
