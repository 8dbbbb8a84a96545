import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { UserError } from '../../errors';
import { writeFileAtomic } from '../../files';
import { readText } from '../../read-text';
import { cacheFolder } from '../../user-folders';
import { locked } from '../../workers/file-lock';
import type { Remote } from '../remotes';
import { DENIED } from './explain';

/** The pause after a failed connection doubles with each further one, between these, milliseconds. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;

/** What only the user can change: trying again could get this machine banned. */
const UNTIL_ASKED = [DENIED, 'target.host-key'];

const failure = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  /** How many attempts have failed in a row. */
  times: z.int().positive(),
  /** When the next one may be made, milliseconds since 1970; null: not before the user asks for it. */
  until: z.number().nullable(),
});
type Failure = z.output<typeof failure>;

/**
 * How often a remote that cannot be reached is tried again. All windows and commands of this user share the pauses, in a file of the
 * user's cache: a dozen processes are no more of a burden than one. One at a time tries, and the others get what it found.
 */
export class Retries {
  readonly #file: string;
  /** Where the file cannot be written. */
  #own: Failure | undefined;

  constructor({ host, configFile = '', folder }: Pick<Remote, 'host' | 'configFile' | 'folder'>) {
    const name = createHash('sha256')
      .update(JSON.stringify([host, configFile, folder]))
      .digest('hex')
      .slice(0, 24);
    this.#file = path.join(cacheFolder(), 'remotes', `${name}.json`);
  }

  /**
   * Makes a connection, unless it is too early after one that failed.
   * @param asked the user has just asked for it: whatever has failed before does not count
   * @throws UserError what `connect` throws, or what it threw in the process that tried last
   */
  async connect<T>(connect: () => Promise<T>, { asked }: { readonly asked: boolean }): Promise<T> {
    const before = await this.#read();
    if (!before || asked) return this.#try(connect);
    if (isEarly(before)) throw errorOf(before);
    return locked(this.#lock, async () => {
      // Somebody else may have tried meanwhile.
      const now = await this.#read();
      if (now && isEarly(now)) throw errorOf(now);
      return this.#try(connect);
    });
  }

  /** Allows the next attempt at once. */
  async forget(): Promise<void> {
    this.#own = undefined;
    await rm(this.#file, { force: true }).catch(() => undefined);
  }

  get #lock(): string {
    return `${this.#file}.lock`;
  }

  async #try<T>(connect: () => Promise<T>): Promise<T> {
    try {
      const made = await connect();
      await this.forget();
      return made;
    } catch (error) {
      if (error instanceof UserError) await this.#note(error);
      throw error;
    }
  }

  async #read(): Promise<Failure | undefined> {
    const text = await readText(this.#file).catch(() => undefined);
    if (text === undefined) return this.#own;
    try {
      return failure.parse(JSON.parse(text));
    } catch {
      return this.#own;
    }
  }

  async #note({ code, message, hint }: UserError): Promise<void> {
    const times = ((await this.#read())?.times ?? 0) + 1;
    // At random, so that those who wait for the same machine do not come back together.
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(times - 1, 16)) * (0.5 + Math.random() / 2);
    const until = UNTIL_ASKED.includes(code) ? null : Date.now() + pause;
    this.#own = { code, message, hint, times, until };
    try {
      await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      await writeFileAtomic(this.#file, `${JSON.stringify(this.#own)}\n`, { sync: false });
      this.#own = undefined;
    } catch {
      // Then the pauses are this process's alone.
    }
  }
}

/** A clock that was set back does not stop anybody for longer than the longest pause. */
const isEarly = ({ until }: Failure) => until === null || (Date.now() < until && until - Date.now() <= LONGEST_PAUSE);

const errorOf = ({ code, message, hint }: Failure) => new UserError(code, message, hint);
