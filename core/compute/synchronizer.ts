import { stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, UserError } from '../errors';
import { runFolders } from '../experiments/library/run-folders';
import { isGone } from '../experiments/run/directory';
import { isDue, readMirror, type MirrorFile } from '../experiments/run/mirror-file';
import { readState, type RunState } from '../experiments/run/state';
import { isUnderway } from '../protocol/runs';
import { settle } from './chosen';
import { hasEnded } from './mirror';
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

/** What was fetched by itself of a run that has ended, or why it was not. */
export interface Fetched {
  readonly dir: string;
  readonly target: string;
  /** `checkpoints/<name>` */
  readonly fetched: readonly string[];
  readonly problem?: { readonly code: string; readonly message: string; readonly hint: string };
}

export interface Look {
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
  readonly fetches: readonly Fetched[];
  /** Runs on other machines that have not ended, as far as is known here. */
  readonly underway: number;
  /** Runs that have ended, and whose checkpoints are still being fetched. */
  readonly fetching: number;
}
type Asked = Pick<Look, 'changes' | 'problems' | 'underway'>;

/** A run directory becomes a mirror right after it is made, or never; milliseconds. Thousands of local runs are not read again and again. */
const BECOMES = 60_000;

/**
 * Keeps the mirrors of a `runs/` folder up to date. Machines are asked side by side, each over its one connection, and once for all of
 * its runs. Runs that have ended are not asked about again; their
 * checkpoints that are fetched by themselves arrive meanwhile, those of a machine one after another.
 */
export class Synchronizer {
  readonly #known = new Map<string, RunState>();
  readonly #ended = new Set<string>();
  readonly #problems = new Map<string, string>();
  /** When the folder of a run without a mirror file was last changed, as it was first seen, milliseconds since 1970. */
  readonly #local = new Map<string, number>();
  /** Runs whose checkpoints are being fetched, and the last of those fetches of each machine. */
  readonly #fetching = new Set<string>();
  /** Those, and the runs whose machine could not be reached, or of which another process fetches. */
  readonly #due = new Set<string>();
  readonly #lines = new Map<string, Promise<void>>();
  #fetched: Fetched[] = [];
  #fetchProblems: Problem[] = [];
  #defect: { readonly error: unknown } | undefined;

  /** @param onProgress of a fetch */
  constructor(
    readonly runsDir: string,
    readonly targets: Targets,
    readonly onProgress?: (label: string, done: number, total: number) => void,
  ) {}

  /** @throws UserError `disk.unreadable` */
  async look(): Promise<Look> {
    const byTarget = new Map<string, string[]>();
    const names = await runFolders(this.runsDir);
    const here = new Set(names.map((name) => path.resolve(this.runsDir, name)));
    // Nothing is waited for of a run that was deleted meanwhile.
    for (const dir of this.#due) if (!here.has(dir)) this.#due.delete(dir);
    for (const name of names) {
      const dir = path.resolve(this.runsDir, name);
      if (this.#ended.has(dir)) continue;
      if (Date.now() - (this.#local.get(dir) ?? Date.now()) > BECOMES) continue;
      const mirror = await readMirror(dir).catch(() => undefined);
      if (!mirror) {
        if (!this.#local.has(dir)) this.#local.set(dir, await timeOf(dir));
        continue;
      }
      const { state, status } = await readState(dir).catch(() => ({ state: 'unreadable' as const, status: undefined }));
      if (!this.#known.has(dir)) this.#known.set(dir, state);
      // A damaged one is written again.
      if (isUnderway(state) || state === 'queued' || state === 'damaged')
        byTarget.set(mirror.target, [...(byTarget.get(mirror.target) ?? []), dir]);
      else this.#end(dir, mirror, status?.attempt ?? 0);
    }
    const looks = await Promise.all([...byTarget].map(([name, dirs]) => this.#ask(name, dirs)));
    return {
      changes: looks.flatMap(({ changes }) => changes),
      problems: [...looks.flatMap(({ problems }) => problems), ...this.#fetchProblems.splice(0)],
      underway: looks.reduce((sum, { underway }) => sum + underway, 0),
      ...this.#news(),
    };
  }

  /** Waits until nothing is being fetched. @returns what was, and what keeps us from it */
  async settled(): Promise<Pick<Look, 'fetches' | 'problems'>> {
    await Promise.all(this.#lines.values());
    return { ...this.#news(), problems: this.#fetchProblems.splice(0) };
  }

  #news(): Pick<Look, 'fetches' | 'fetching'> {
    if (this.#defect) throw this.#defect.error;
    return { fetches: this.#fetched.splice(0), fetching: this.#due.size };
  }

  /** A run has ended: nothing more is asked, once its checkpoints are here that are to be. */
  #end(dir: string, mirror: MirrorFile, attempt: number): void {
    if (this.#fetching.has(dir)) return;
    if (!isDue(mirror, attempt)) {
      this.#due.delete(dir);
      this.#ended.add(dir);
      return;
    }
    this.#due.add(dir);
    this.#fetching.add(dir);
    const { target } = mirror;
    const line = (this.#lines.get(target) ?? Promise.resolve()).then(() => this.#fetch(dir, target));
    this.#lines.set(target, line);
  }

  async #fetch(dir: string, name: string): Promise<void> {
    try {
      const target = await this.targets.get(name);
      let label = '';
      const settled = await settle(dir, target, {
        onItem: (item) => {
          label = `${path.basename(dir)} ${path.posix.basename(item)}`;
        },
        onProgress: (done, total) => this.onProgress?.(label, done, total),
      });
      // Another process is at it; the next look sees what became of it.
      if (!settled) return;
      this.#problems.delete(name);
      this.#due.delete(dir);
      const { fetched, problem } = settled;
      if (fetched.length === 0 && !problem) return;
      const why = problem && { code: problem.code, message: problem.message, hint: problem.hint };
      this.#fetched.push({ dir, target: name, fetched, ...(why && { problem: why }) });
    } catch (error) {
      if (isGone(dir)) {
        this.#due.delete(dir);
        return;
      }
      // A machine that was removed from the list is not waited for.
      if (error instanceof UserError && error.code === 'target.unknown') {
        this.#due.delete(dir);
        this.#ended.add(dir);
      }
      if (error instanceof UserError) this.#fetchProblems.push(...this.#problem(name, name, error));
      else this.#defect = { error };
    } finally {
      this.#fetching.delete(dir);
    }
  }

  async #ask(name: string, dirs: readonly string[]): Promise<Asked> {
    const changes: Change[] = [];
    let underway = 0;
    try {
      const target = await this.targets.get(name);
      const problems: Problem[] = [];
      for (const found of await target.refreshAll(dirs)) {
        const { dir } = found;
        if ('error' in found) {
          underway++;
          problems.push(...this.#problem(dir, name, found.error));
          continue;
        }
        const { state } = found.seen;
        if (state !== this.#known.get(dir)) changes.push({ dir, target: name, state });
        this.#known.set(dir, state);
        this.#problems.delete(dir);
        if (isUnderway(state)) underway++;
        else if (hasEnded(state)) {
          const mirror = await readMirror(dir).catch(() => undefined);
          if (mirror) this.#end(dir, mirror, found.seen.status.attempt);
        }
      }
      this.#problems.delete(name);
      return { changes, problems, underway };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { changes, problems: this.#problem(name, name, error), underway: dirs.length };
    }
  }

  /** @param about a target or a run; what was said about it is not said again */
  #problem(about: string, target: string, error: UserError): Problem[] {
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
