import { stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, UserError } from '../errors';
import { runFolders } from '../experiments/library/run-folders';
import { readMirror } from '../experiments/run/mirror-file';
import { readState, type RunState } from '../experiments/run/state';
import { isUnderway } from '../protocol/runs';
import type { Targets } from './targets';

/** A run whose state here has changed. */
export interface Change {
  readonly dir: string;
  readonly target: string;
  readonly state: RunState;
}

/** A target that could not be asked. Said once, until it changes. */
export interface Problem {
  readonly target: string;
  readonly code: string;
  readonly message: string;
}

export interface Look {
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
  /** Runs on other machines that have not ended, as far as is known here. */
  readonly underway: number;
}

/** A run directory becomes a mirror right after it is made, or never; milliseconds. Thousands of local runs are not read again and again. */
const BECOMES = 60_000;

/**
 * Keeps the mirrors of a `runs/` folder up to date. Machines are asked side by side, each over its one connection, and once for all of
 * its runs. Runs that have ended are not asked about again.
 */
export class Synchronizer {
  readonly #known = new Map<string, RunState>();
  readonly #ended = new Set<string>();
  readonly #problems = new Map<string, string>();
  /** When the folder of a run without a mirror file was last changed, as it was first seen, milliseconds since 1970. */
  readonly #local = new Map<string, number>();

  constructor(
    readonly runsDir: string,
    readonly targets: Targets,
  ) {}

  /** @throws UserError `disk.unreadable` */
  async look(): Promise<Look> {
    const byTarget = new Map<string, string[]>();
    for (const name of await runFolders(this.runsDir)) {
      const dir = path.resolve(this.runsDir, name);
      if (this.#ended.has(dir)) continue;
      if (Date.now() - (this.#local.get(dir) ?? Date.now()) > BECOMES) continue;
      const mirror = await readMirror(dir).catch(() => undefined);
      if (!mirror) {
        if (!this.#local.has(dir)) this.#local.set(dir, await timeOf(dir));
        continue;
      }
      const { state } = await readState(dir).catch(() => ({ state: 'unreadable' as const }));
      if (!this.#known.has(dir)) this.#known.set(dir, state);
      // A damaged one is written again.
      if (isUnderway(state) || state === 'queued' || state === 'damaged')
        byTarget.set(mirror.target, [...(byTarget.get(mirror.target) ?? []), dir]);
      else this.#ended.add(dir);
    }
    const looks = await Promise.all([...byTarget].map(([name, dirs]) => this.#ask(name, dirs)));
    return {
      changes: looks.flatMap(({ changes }) => changes),
      problems: looks.flatMap(({ problems }) => problems),
      underway: looks.reduce((sum, { underway }) => sum + underway, 0),
    };
  }

  async #ask(name: string, dirs: readonly string[]): Promise<Look> {
    const changes: Change[] = [];
    let underway = 0;
    try {
      const target = await this.targets.get(name);
      const problems: Problem[] = [];
      for (const found of await target.refreshAll(dirs)) {
        const { dir } = found;
        if ('error' in found) {
          underway++;
          problems.push(...this.#news(dir, name, found.error));
          continue;
        }
        const { state } = found.seen;
        if (state !== this.#known.get(dir)) changes.push({ dir, target: name, state });
        this.#known.set(dir, state);
        this.#problems.delete(dir);
        if (isUnderway(state)) underway++;
      }
      this.#problems.delete(name);
      return { changes, problems, underway };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { changes, problems: this.#news(name, name, error), underway: dirs.length };
    }
  }

  /** @param about a target or a run; what was said about it is not said again */
  #news(about: string, target: string, error: UserError): Problem[] {
    const message = messageOf(error);
    if (this.#problems.get(about) === message) return [];
    this.#problems.set(about, message);
    return [{ target, code: error.code, message }];
  }
}

/** A mirror file that is added changes it. */
const timeOf = (dir: string) =>
  stat(dir).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
