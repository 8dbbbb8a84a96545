import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { runPaths, writeStatus } from '../experiments/run/directory';
import { carriedMeta } from '../experiments/run/carried-files';
import { NOT_FETCHED } from '../checkpoint/not-fetched';
import { isDue, readMirror, writeMirror, type MirrorFile } from '../experiments/run/mirror-file';
import type { RunState } from '../experiments/run/state';
import { decodeStatus, readStatus, type RunStatus } from '../experiments/run/status';
import { explainDiskError, remove, writeFileAtomic, writeFolderAtomic } from '../files';
import { isUnderway } from '../protocol/runs';
import { locked } from '../workers/file-lock';
import { GROWING, OVERLAP, PIECE, pieces, type Origin, type OriginFile } from './origin';

const LINE_FEED = 0x0a;
/** A mirror that is up to date says so again after this, milliseconds: each time it writes a file. */
const CONFIRM = 15_000;
/** A checkpoint's description, which is not copied as it is. */
export const META = /^checkpoints\/[^/]+\/meta\.json$/;

/** What a target knows about a run that its status does not say: that it waits, or that its worker is gone. */
export type Verdict = Pick<RunStatus, 'state' | 'reason'>;

/** What the target knows about a run, given its last status. */
export type VerdictOn = (status: RunStatus) => Promise<Verdict | undefined>;

export interface PullOptions {
  /**
   * One of hundreds of mirrors that are updated every second: what the next look writes again is not flushed to the disk, and when it was last heard
   * of is noted less often.
   */
  readonly sparing?: boolean;
  /** Whether nothing is fetched by itself of a run that has ended: it is noted with the rest. */
  readonly fetchesNone?: () => Promise<boolean>;
}

/**
 * A local run directory that mirrors a run on another machine: events, log and system metrics by offset, artifacts when they change,
 * checkpoints on demand, and the status with the time when the target was last heard from.
 *
 * The command line and several windows may pull at the same time: they write one after another, and a newer status is never
 * replaced by an older one.
 */
export class RunMirror {
  readonly #lock: string;

  constructor(
    readonly dir: string,
    readonly origin: Origin,
  ) {
    this.#lock = lockOf(dir);
  }

  /** Turns a run directory into a mirror; it only needs a `run.json`. @param from where the run is, in words */
  static async create(dir: string, target: string, from: string): Promise<void> {
    await writeMirror(dir, { v: 1, target, from, heard: Date.now(), stamps: {}, settled: { attempt: -1, items: {} } });
  }

  /**
   * Updates the mirror.
   * @throws UserError `target.unreachable`: the mirror keeps what it last heard; `run.no-mirror`, `disk.*`
   */
  pull(verdictOn: VerdictOn = () => Promise.resolve(undefined), options: PullOptions = {}): Promise<void> {
    return locked(this.#lock, () => this.#pull(verdictOn, options));
  }

  /** Notes that the target was heard of, and has nothing new. @throws UserError `run.no-mirror`, `disk.*` */
  async confirm(): Promise<void> {
    if (Date.now() - (await this.#mirror()).heard < CONFIRM) return;
    await locked(this.#lock, async () => {
      await writeMirror(this.dir, { ...(await this.#mirror()), heard: Date.now() });
    });
  }

  async #pull(verdictOn: VerdictOn, { sparing = false, fetchesNone }: PullOptions): Promise<void> {
    const mirror = await this.#mirror();
    // The status is read first: a worker writes its last events before its final status, so everything that the status
    // implies is there.
    const { status, verdict } = await this.#judged(verdictOn);
    const heard = Date.now();
    const files = await this.origin.list();
    for (const name of GROWING) await this.#grow(name, path.join(this.dir, name), files);
    const stamps = await this.#copy(files, mirror.stamps);
    // A worker that is local there is one of this target here.
    const worker = status.worker && { ...status.worker, target: mirror.target };
    await this.#keep({ ...status, worker, ...verdict }, sparing);
    const isOver = hasEnded(verdict?.state ?? status.state) && isDue(mirror, status.attempt);
    const { settled } = mirror;
    const over = isOver && settled && (await fetchesNone?.()) ? { ...settled, attempt: status.attempt } : settled;
    const now = { ...mirror, stamps, ...(over && { settled: over }) };
    const isNoted = sparing && heard - mirror.heard < CONFIRM && isDeepStrictEqual(now, mirror);
    if (!isNoted) await writeMirror(this.dir, { ...now, heard });
  }

  async #mirror(): Promise<MirrorFile> {
    const mirror = await readMirror(this.dir);
    if (mirror) return mirror;
    throw noMirror(this.dir);
  }

  /**
   * The status at the origin, and what the target knows besides. A worker that ends between the two would seem lost; since it
   * writes its final status before it exits, a verdict counts only if the status is still the same after it.
   */
  async #judged(verdictOn: VerdictOn): Promise<{ status: RunStatus; verdict: Verdict | undefined }> {
    for (let status = await this.#status(); ;) {
      const verdict = await verdictOn(status);
      if (!verdict) return { status, verdict };
      const later = await this.#status();
      if (later.state === status.state && later.attempt === status.attempt) return { status: later, verdict };
      status = later;
    }
  }

  async #status(): Promise<RunStatus> {
    return decodeStatus(await this.#text('status.json'), l10n.t('status.json on the other machine'));
  }

  async #text(file: string): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces(this.origin, file)) parts.push(piece);
    return Buffer.concat(parts).toString('utf8');
  }

  /** Another process may have read a newer status. */
  async #keep(status: RunStatus, sparing: boolean): Promise<void> {
    const here = await readStatus(runPaths(this.dir).status).catch(() => undefined);
    const isOlder =
      here && (status.attempt < here.attempt || (status.attempt === here.attempt && status.heartbeat < here.heartbeat));
    if (!isOlder && JSON.stringify(here) !== JSON.stringify(status))
      await writeStatus(this.dir, status, { sync: !(sparing && isUnderway(status.state)) });
  }

  async #grow(name: string, file: string, files: readonly OriginFile[]): Promise<void> {
    // An incomplete last line may still be truncated at the origin.
    const take = name.endsWith('.jsonl') ? wholeLines : (bytes: Uint8Array) => bytes.length;
    const there = files.find((one) => one.path === name);
    if (!there) return;
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT).catch((error: unknown) => {
      throw explainDiskError(error, file);
    });
    try {
      let { size } = await handle.stat();
      const overlap = Buffer.alloc(Math.min(size, OVERLAP));
      await handle.read(overlap, 0, overlap.length, size - overlap.length);
      const same = await this.origin.read(name, size - overlap.length, overlap.length);
      // The file was replaced, for example by a backup: the local content is no longer that of the run.
      if (!same || !overlap.equals(same)) {
        await handle.truncate(0);
        size = 0;
      }
      for (let limit = PIECE; ;) {
        const bytes = await this.origin.read(name, size, limit);
        if (!bytes) return;
        const kept = take(bytes);
        await handle.write(bytes, 0, kept, size);
        size += kept;
        if (bytes.length < limit) return;
        if (kept === 0) limit *= 2;
      }
    } catch (error) {
      throw explainDiskError(error, file);
    } finally {
      await handle.close();
    }
  }

  /** Copies changed artifacts, and the descriptions of checkpoints. @returns the stamps of what is here now */
  async #copy(files: readonly OriginFile[], known: MirrorFile['stamps']): Promise<MirrorFile['stamps']> {
    const stamps: Record<string, string> = {};
    const visible = files.filter(isVisible);
    for (const file of below(visible, 'artifacts')) {
      const stamp = stampOf([file]);
      if (known[file.path] !== stamp) await this.#download(file.path, path.join(this.dir, file.path));
      stamps[file.path] = stamp;
    }
    const names = new Set(below(visible, 'checkpoints').map((file) => file.path.split('/')[1]!));
    for (const name of names) {
      const item = `checkpoints/${name}`;
      const parts = below(visible, item);
      // A fetched checkpoint that was replaced at the origin is only fetched again on request.
      if (known[item] !== stampOf(parts)) await this.#announce(item, parts);
      stamps[item] = stampOf(parts);
    }
    // What is known is in a file that may come with a repository: it may name anything.
    for (const gone of Object.keys(known))
      if (!(gone in stamps) && isItem(gone)) await remove(itemPath(this.dir, gone));
    return stamps;
  }

  /** Creates a checkpoint's folder with its description only. */
  async #announce(item: string, parts: readonly OriginFile[]): Promise<void> {
    await writeFolderAtomic(path.join(this.dir, item), async (folder) => {
      if (parts.some((file) => file.path === `${item}/meta.json`))
        await this.#download(`${item}/meta.json`, path.join(folder, 'meta.json'));
      const bytes = parts.reduce((sum, file) => sum + file.size, 0);
      await writeFileAtomic(path.join(folder, NOT_FETCHED), `${JSON.stringify({ bytes })}\n`);
    });
  }

  async #download(file: string, target: string): Promise<void> {
    await mkdir(path.dirname(target), { recursive: true });
    if (!META.test(file)) await writeFileAtomic(target, pieces(this.origin, file));
    else await writeFileAtomic(target, carriedMeta(await this.#text(file)));
  }
}

/** Whether a run has worked and does not go on by itself. One that is damaged is written again by the next look. */
export const hasEnded = (state: RunState) =>
  !isUnderway(state) && state !== 'queued' && state !== 'damaged' && state !== 'unreadable';

export const noMirror = (dir: string) =>
  new UserError('run.no-mirror', l10n.t`${dir} is not a mirror of a run elsewhere.`, l10n.t('It has no mirror.json.'));

/** Only one process writes into a mirror. */
export const lockOf = (dir: string) => path.join(dir, '.mirror.lock');

/**
 * Unfinished files have names that begin with a dot. The other machine may be anybody's: no name leads out of the mirror, on Windows neither with
 * a backslash or a drive.
 */
export const isVisible = ({ path: file }: OriginFile) =>
  !file.split('/').some((name) => name.startsWith('.') || name === '' || (WINDOWS && /[\\:]/.test(name)));
const WINDOWS = process.platform === 'win32';

const wholeLines = (bytes: Uint8Array) => bytes.lastIndexOf(LINE_FEED) + 1;

export const below = (files: readonly OriginFile[], item: string) =>
  files.filter((file) => file.path === item || file.path.startsWith(`${item}/`));

/** Changes whenever one of the files may have. */
export function stampOf(files: readonly OriginFile[]): string {
  const lines = files.map((file) => `${file.path} ${file.size} ${file.stamp}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
}

/** Only checkpoints and artifacts can be requested, and nothing outside of the run directory. */
const ITEM = /^(checkpoints|artifacts)(\/[^/]+)+$/;

const isItem = (item: string) =>
  ITEM.test(item) && !item.split('/').some((part) => part === '.' || part === '..' || part.includes('\\'));

/** The path of a checkpoint or artifact of a run. @throws UserError `run.no-item` */
export function itemPath(dir: string, item: string): string {
  if (!isItem(item))
    throw new UserError(
      'run.no-item',
      l10n.t`"${item}" is not a checkpoint or artifact of a run.`,
      l10n.t('For example: checkpoints/final.'),
    );
  return path.join(dir, ...item.split('/'));
}

export const noItem = (item: string, target: string) =>
  new UserError(
    'run.no-item',
    l10n.t`The run has no ${item} on ${target}.`,
    l10n.t('"winnow show" lists what it has.'),
  );
