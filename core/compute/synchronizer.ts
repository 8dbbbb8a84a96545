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
 * Keeps the mirrors of a `runs/` folder up to date. Machines are asked side by side, each over its one connection; the runs of one
 * after another. Runs that have ended are not asked about again.
 */
export class Synchronizer {
  readonly #known = new Map<string, RunState>();
  readonly #ended = new Set<string>();
  readonly #problems = new Map<string, string>();
  /** When a run without a mirror file was first seen, milliseconds since 1970. */
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
        if (!this.#local.has(dir)) this.#local.set(dir, Date.now());
        continue;
      }
      const { state } = await readState(dir).catch(() => ({ state: 'unreadable' as const }));
      if (!this.#known.has(dir)) this.#known.set(dir, state);
      if (isUnderway(state) || state === 'queued')
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
      for (const dir of dirs) {
        const { state } = await target.refresh(dir);
        if (state !== this.#known.get(dir)) changes.push({ dir, target: name, state });
        this.#known.set(dir, state);
        if (isUnderway(state)) underway++;
      }
      this.#problems.delete(name);
      return { changes, problems: [], underway };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const message = messageOf(error);
      const isNew = this.#problems.get(name) !== message;
      this.#problems.set(name, message);
      return { changes, problems: isNew ? [{ target: name, code: error.code, message }] : [], underway: dirs.length };
    }
  }
}
