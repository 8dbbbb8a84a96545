import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { writeFileAtomic } from '../../files';
import type { RunRow } from '../../protocol/runs';

/** Raised when rows or stamps change their meaning: an index of another version is not read. */
const VERSION = 4;
/** Entries between two pauses in which others may work: a few milliseconds. */
const SLICE = 250;

/** A run as the index keeps it. */
export interface Indexed {
  readonly row: RunRow;
  /** Times and sizes of its files when it was read. */
  readonly stamp: string;
}

/** The first line of an index; each further line is one run. */
interface Header {
  readonly version: number;
  readonly entries: number;
}

/**
 * What an earlier window knew of the runs; empty when there is nothing that can be used, an index that was cut short
 * included. Not yet compared with the disk.
 */
export async function readIndex(file: string, runsDir: string): Promise<Indexed[]> {
  const entries: Indexed[] = [];
  try {
    await stat(file);
    let header: Header | undefined;
    // Line by line, so that a large index does not stop everything else.
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      if (header) entries.push(decode(line, runsDir));
      else {
        header = JSON.parse(line) as Header;
        if (header.version !== VERSION) return [];
      }
    }
    return header?.entries === entries.length ? entries : [];
  } catch {
    return [];
  }
}

function decode(line: string, runsDir: string): Indexed {
  const { row, stamp } = JSON.parse(line) as Indexed;
  const metrics = row.metrics && { ...row.metrics, values: withNumbers(row.metrics.values) };
  // The folder may have been moved since: where a run lies follows from where the folder is now.
  return { row: { ...row, dir: path.resolve(runsDir, row.id), metrics }, stamp };
}

/** @throws UserError `disk.*` */
export async function writeIndex(file: string, entries: readonly Indexed[]): Promise<void> {
  const header: Header = { version: VERSION, entries: entries.length };
  await writeFileAtomic(file, lines(header, entries));
}

// eslint-disable-next-line @typescript-eslint/require-await -- the reader waits for the disk between two pieces
async function* lines(header: Header, entries: readonly Indexed[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(header)}\n`);
  for (let at = 0; at < entries.length; at += SLICE) {
    const slice = entries.slice(at, at + SLICE);
    yield Buffer.from(slice.map((entry) => `${JSON.stringify(entry, finiteOrText)}\n`).join(''));
  }
}

/** JSON knows no NaN and no infinities; a diverged loss stays one. */
const finiteOrText = (_key: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

const withNumbers = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
