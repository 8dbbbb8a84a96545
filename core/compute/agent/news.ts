import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, UserError } from '../../errors';
import type { StatusAndState } from '../../experiments/run/state';
import { isUnderway } from '../../protocol/runs';
import { GROWING, OVERLAP, type Origin, type OriginFile } from '../origin';
import { NO_ANSWER } from '../slurm/commands';
import type { NewsPiece, RunNews, SeenRun } from './calls';

/** Bytes of one file in one answer. What is longer is read by itself. */
const LARGEST_PIECE = 1 << 18;
/** Bytes of an answer from which no further run is looked at: it is asked about again. */
const LARGEST_ANSWER = 1 << 22;
/** Runs that are looked at in parallel. */
const CONCURRENT = 8;
/** The folders of a run whose files are listed. */
const DEEP = ['artifacts', 'checkpoints'];
/** A folder that changed this recently may change again without a new time, milliseconds. */
const TIME_RESOLUTION = 2_000;
/** Whatever the times of folders say, their files are listed again after this: a program may write into a checkpoint, milliseconds. */
const LIST_AGAIN = 30_000;

const WHOLE = 1 << 22;

interface Listed {
  readonly files: readonly OriginFile[];
  readonly folders: string;
  readonly at: number;
}

/** One answer about many runs. */
export interface Answered {
  readonly runs: RunNews[];
  /** The pieces of all runs, in order. */
  readonly body: Uint8Array;
}

/**
 * Tells what is new about many runs in one answer: a connection with a long delay, or a scheduler, is asked once for all of them. Keeps
 * what it has listed, so that the files of a quiet run are not looked at again and again.
 */
export class News {
  readonly #lists = new Map<string, Listed>();

  /**
   * @param originOf access to a run; throws for one that is not to be read
   * @param stateOf its state, with what only this machine knows
   */
  constructor(
    readonly originOf: (dir: string) => Origin,
    readonly stateOf: (dir: string) => Promise<StatusAndState>,
  ) {}

  async of(seen: readonly SeenRun[]): Promise<Answered> {
    const runs: RunNews[] = [];
    const bodies: Uint8Array[][] = [];
    const next = seen.entries();
    let used = 0;
    const work = async () => {
      for (const [index, one] of next) {
        if (used > LARGEST_ANSWER) {
          runs[index] = { is: 'deferred' };
          continue;
        }
        const { news, body } = await this.#about(one);
        runs[index] = news;
        bodies[index] = body;
        used += JSON.stringify(news).length + body.reduce((sum, { length }) => sum + length, 0);
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENT, seen.length) }, work));
    return { runs, body: Buffer.concat(bodies.flat()) };
  }

  async #about(seen: SeenRun): Promise<{ news: RunNews; body: Uint8Array[] }> {
    try {
      return await this.#look(seen);
    } catch (error) {
      const { code, hint } = error instanceof UserError ? error : { code: 'internal', hint: '' };
      return { news: { is: 'unreadable', error: { code, message: messageOf(error), hint } }, body: [] };
    }
  }

  async #look({ dir, sizes, mark, listed }: SeenRun): Promise<{ news: RunNews; body: Uint8Array[] }> {
    const origin = this.originOf(dir);
    // In this order, as `RunMirror.pull` reads: everything that the status implies is there when the rest is read.
    const before = await textOf(origin, 'status.json');
    const state = await this.stateOf(dir).catch((error: unknown) => {
      // The run is followed all the same.
      if (error instanceof UserError && error.code === NO_ANSWER) return undefined;
      throw error;
    });
    const after = await textOf(origin, 'status.json');
    const ended = state !== undefined && !isUnderway(state.state);
    const files = await this.#list(dir, origin, ended);
    const stamps = await Promise.all(GROWING.map((name) => stampOf(path.join(dir, name))));
    const verdict = state && { state: state.state, reason: state.status.reason };
    const listMark = markOf(files);
    const now = markOf([before, after, verdict, stamps, listMark]);
    const isSame = now === mark && stamps.every(({ size }, i) => size === sizes[i]);
    if (isSame) return { news: { is: 'same' }, body: [] };
    const pieces: NewsPiece[] = [];
    const body: Uint8Array[] = [];
    for (const [i, file] of GROWING.entries()) {
      const offset = Math.max(0, (sizes[i] ?? 0) - OVERLAP);
      const bytes = await origin.read(file, offset, LARGEST_PIECE);
      if (!bytes) continue;
      pieces.push({ file, offset, length: bytes.length, isEnd: bytes.length < LARGEST_PIECE });
      body.push(bytes);
    }
    const news: RunNews = {
      is: 'changed',
      mark: now,
      status: before,
      ...(after !== before && { statusAfter: after }),
      ...(verdict && { verdict }),
      listed: listMark,
      ...(listMark !== listed && { files }),
      pieces,
    };
    return { news, body };
  }

  async #list(dir: string, origin: Origin, ended: boolean): Promise<readonly OriginFile[]> {
    const stamps = await Promise.all(DEEP.map((name) => stampOf(path.join(dir, name))));
    const folders = JSON.stringify(stamps);
    const known = this.#lists.get(dir);
    const at = Date.now();
    const isQuiet = stamps.every(({ time }) => at - time > TIME_RESOLUTION);
    if (!ended && isQuiet && known?.folders === folders && at - known.at < LIST_AGAIN) return known.files;
    const files = (await origin.list()).filter((file) => DEEP.some((folder) => file.path.startsWith(`${folder}/`)));
    if (ended) this.#lists.delete(dir);
    else this.#lists.set(dir, { files, folders, at });
    return files;
  }
}

async function textOf(origin: Origin, file: string): Promise<string> {
  const bytes = await origin.read(file, 0, WHOLE);
  return Buffer.from(bytes ?? new Uint8Array()).toString('utf8');
}

const stampOf = (file: string) =>
  stat(file).then(
    ({ size, mtimeMs, ctimeMs, ino }) => ({ size, time: Math.max(mtimeMs, ctimeMs), ino }),
    () => ({ size: 0, time: 0, ino: 0 }),
  );

const markOf = (value: object) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
