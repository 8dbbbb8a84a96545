import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { writeFileAtomic } from '../../files';
import type { RunRow } from '../../protocol/runs';

/** Increased when the meaning of rows or stamps changes; indexes of other versions are ignored. */
const VERSION = 4;
/** Entries that are written between two pauses for other work: a few milliseconds. */
const SLICE = 250;

/** A run in the index. */
export interface Indexed {
  readonly row: RunRow;
  /** Times and sizes of its files when they were read. */
  readonly stamp: string;
}

/** The first line of the index file; each further line is one run. */
interface Header {
  readonly version: number;
  readonly entries: number;
}

/**
 * The runs as they were last seen, not yet compared with the disk. Empty if there is no usable index, also if it is
 * truncated.
 */
export async function readIndex(file: string, runsDir: string): Promise<Indexed[]> {
  const entries: Indexed[] = [];
  try {
    await stat(file);
    let header: Header | undefined;
    // Line by line, so that a large index does not block everything else.
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
  // The folder may have been moved: the run's path follows from where the folder is now.
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

/** JSON has no NaN or infinity, but a diverged loss must stay one. */
const finiteOrText = (_key: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

const withNumbers = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
