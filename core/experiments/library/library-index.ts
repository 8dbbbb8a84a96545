import { createReadStream } from 'node:fs';
import { crc32 } from 'node:zlib';
import { hexOf } from '../../checksum';
import { writeFileAtomic } from '../../files';

/** Increased when the meaning of entries or stamps changes; indexes of other versions are ignored. */
const VERSION = 5;
/** Entries that are written between two pauses for other work: a few milliseconds. */
const SLICE = 250;
/** Bytes that are read between two pauses: a few milliseconds of work. */
const PIECE = 1 << 18;

/** A run in an index. */
export interface Indexed<Run> {
  /** The name of its folder. */
  readonly id: string;
  /** What its files were like when they were read: `stampOf`. */
  readonly stamp: string;
  readonly run: Run;
}

/** What an index holds of each run. */
export interface IndexedKind<Run> {
  /** Names it, so that an index of something else is not taken for one. */
  readonly kind: string;
  /** From what JSON made of it. @param id the name of its folder */
  readonly revive: (run: Run, id: string) => Run;
}

/** The first line of an index file; each further line is one run, and the last one ends it. */
interface Head {
  readonly version: number;
  readonly kind: string;
  /** The folder of runs, absolute: paths in the entries are where they were from there. */
  readonly folder: string;
}
interface Foot {
  readonly entries: number;
  /** Of the lines before. */
  readonly crc32: string;
}

/**
 * The runs as they were last seen, not yet compared with the disk. Empty if there is no usable index: none, one of another folder
 * or version, or one that was cut off or damaged.
 */
export async function readIndex<Run>(
  file: string,
  folder: string,
  { kind, revive }: IndexedKind<Run>,
): Promise<Indexed<Run>[]> {
  const entries: Indexed<Run>[] = [];
  let head: Head | undefined;
  let foot: Foot | undefined;
  let crc = 0;
  try {
    for await (const line of linesOf(file)) {
      if (foot) return [];
      const json: unknown = JSON.parse(line.toString('utf8'));
      if (!head) {
        head = json as Head;
        if (head.version !== VERSION || head.kind !== kind || head.folder !== folder) return [];
      } else if (isFoot(json)) foot = json;
      else {
        const { id, stamp, run } = json as Indexed<Run>;
        entries.push({ id, stamp, run: revive(run, id) });
      }
      if (!foot) crc = crc32(line, crc);
    }
  } catch {
    return [];
  }
  return foot?.entries === entries.length && foot.crc32 === hexOf(crc) ? entries : [];
}

const isFoot = (json: unknown): json is Foot => typeof json === 'object' && json !== null && 'entries' in json;

/** The lines of a file, without line feeds. A piece at a time, so that a large index does not block everything else. */
async function* linesOf(file: string): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(file, { highWaterMark: PIECE }) as AsyncIterable<Buffer>) {
    const bytes = held.length > 0 ? Buffer.concat([held, piece]) : piece;
    let from = 0;
    for (let to = bytes.indexOf(LINE_FEED); to >= 0; to = bytes.indexOf(LINE_FEED, from)) {
      yield bytes.subarray(from, to);
      from = to + 1;
    }
    held = bytes.subarray(from);
  }
  if (held.length > 0) yield held;
}

const LINE_FEED = 0x0a;

/**
 * Replaces an index. Of several processes that do so at the same time one is the last; each writes what it has seen on the disk.
 * @throws UserError `disk.*`
 */
export async function writeIndex<Run>(
  file: string,
  folder: string,
  { kind }: Pick<IndexedKind<Run>, 'kind'>,
  entries: readonly Indexed<Run>[],
): Promise<void> {
  await writeFileAtomic(file, lines({ version: VERSION, kind, folder }, entries));
}

// eslint-disable-next-line @typescript-eslint/require-await -- the reader waits for the disk between two pieces
async function* lines<Run>(head: Head, entries: readonly Indexed<Run>[]): AsyncGenerator<Uint8Array> {
  let crc = 0;
  const line = (value: unknown): string => {
    const text = JSON.stringify(value, finiteOrText);
    crc = crc32(text, crc);
    return `${text}\n`;
  };
  yield Buffer.from(line(head));
  for (let at = 0; at < entries.length; at += SLICE)
    yield Buffer.from(
      entries
        .slice(at, at + SLICE)
        .map(({ id, stamp, run }) => line({ id, stamp, run }))
        .join(''),
    );
  yield Buffer.from(`${JSON.stringify({ entries: entries.length, crc32: hexOf(crc) } satisfies Foot)}\n`);
}

/** JSON has no NaN or infinity, but a diverged loss must stay one. */
const finiteOrText = (_key: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** Numbers that `finiteOrText` may have written as text. */
export const withNumbers = (values: Readonly<Record<string, unknown>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
