import { type ChildProcess } from 'node:child_process';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { FETCHES } from '../core/compute/fetch-rule';
import { isUnderway, type RunRow } from '../core/protocol/runs';
import { LOCAL } from '../core/workers/worker';
import type { Cli } from './cli';
import type { Runs } from './runs';

const remote = z.object({
  name: z.string(),
  host: z.string(),
  folder: z.string(),
  fetch: z.object({ which: z.enum(FETCHES), limit: z.number() }),
});
/** A machine that the user has added. */
export type Remote = z.output<typeof remote>;
const listed = z.object({ remotes: z.array(remote) });

/** What `winnow sync --follow --json` prints, a line each. */
const news = z.union([
  z.object({
    dir: z.string(),
    target: z.string(),
    fetched: z.array(z.string()),
    problem: z.object({ message: z.string(), hint: z.string() }).optional(),
  }),
  z.object({ dir: z.string(), target: z.string(), state: z.string() }),
  z.object({ target: z.string(), code: z.string(), message: z.string() }),
]);

interface Problem {
  readonly message: string;
  readonly hint: string;
}

/** Why a machine could not be asked, and since when, milliseconds since 1970. */
export interface Away {
  readonly message: string;
  readonly since: number;
}

/** A program that keeps failing is started again after this, milliseconds. */
const PAUSE = 10_000;

/**
 * The user's machines, and the runs of this window that are on them. While such runs are underway, a program for each folder of runs keeps
 * their mirrors up to date; closing the window ends it, and no run.
 */
export class Remotes implements vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changes.event;
  readonly #away = new Map<string, Away>();
  readonly #followers = new Map<string, ChildProcess | undefined>();
  readonly #subscription: vscode.Disposable;
  /** Folders of runs whose ended runs were looked at: a window that was closed may have left a fetch half done. */
  readonly #looked = new Set<string>();
  #list: Promise<readonly Remote[]> | undefined;
  /** The user has asked for the machines: also those that refused us are asked again. */
  #asked = false;
  #disposed = false;

  constructor(
    readonly cli: Cli,
    readonly runs: Runs,
    readonly onDefect: (error: unknown) => void,
  ) {
    this.#subscription = vscode.Disposable.from(
      runs.onDidChange(() => {
        this.#follow();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.#follow();
      }),
    );
    this.#follow();
  }

  /** The machines that the user has added. @throws UserError `remote.unreadable`, `cli.*` */
  all(): Promise<readonly Remote[]> {
    this.#list ??= this.cli.json(['remote', 'list'], listed).then(({ remotes }) => remotes);
    this.#list.catch(() => (this.#list = undefined));
    return this.#list;
  }

  /** After a machine was added or removed, or it may work again. */
  refresh(): void {
    this.#list = undefined;
    this.#away.clear();
    // A program that was refused does not try again; a new one that is told to does.
    this.#asked = true;
    for (const follower of this.#followers.values()) follower?.kill();
    this.#changes.fire();
    this.#follow();
  }

  away(name: string): Away | undefined {
    return this.#away.get(name);
  }

  /** The runs of this window that are underway on a machine. */
  underway(name: string): RunRow[] {
    return this.runs.rows().filter(({ target, state }) => target === name && isUnderway(state));
  }

  /** Starts what is missing. In a workspace that is not trusted, nothing is started. */
  #follow(): void {
    if (this.#disposed || !vscode.workspace.isTrusted) return;
    const folders = new Set(
      this.runs
        .rows()
        .filter(
          ({ dir, target, heard, state }) =>
            (heard !== null && isUnderway(state)) ||
            (target !== '' && target !== LOCAL && !this.#looked.has(path.dirname(dir))),
        )
        .map(({ dir }) => path.dirname(dir)),
    );
    for (const folder of folders) if (!this.#followers.has(folder)) this.#start(folder);
  }

  #start(folder: string): void {
    this.#looked.add(folder);
    const retry = this.#asked ? ['--retry'] : [];
    this.#asked = false;
    const child = this.cli.follow(['sync', '--follow', '--json', ...retry, '--runs-dir', folder], (line) => {
      this.#tell(line);
    });
    this.#followers.set(folder, child);
    const over = (pause: number) => {
      setTimeout(() => {
        this.#followers.delete(folder);
        this.#follow();
      }, pause);
    };
    child.once('error', (error) => {
      this.onDefect(error);
      over(PAUSE);
    });
    child.once('exit', (code) => {
      over(code === 0 ? 0 : PAUSE);
    });
  }

  #tell(line: string): void {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return;
    }
    const said = news.safeParse(json).data;
    if (!said) return;
    if ('fetched' in said) this.#tellFetched(said);
    else if ('message' in said) this.#away.set(said.target, { message: said.message, since: Date.now() });
    else {
      this.#away.delete(said.target);
      void this.runs.refresh(said.dir).catch(this.onDefect);
    }
    this.#changes.fire();
  }

  #tellFetched({ dir, fetched, problem }: { dir: string; fetched: string[]; problem?: Problem | undefined }): void {
    if (fetched.length > 0) {
      this.runs.reread(dir);
      void this.runs.refresh(dir).catch(this.onDefect);
    }
    if (problem) void vscode.window.showWarningMessage(`${problem.message} ${problem.hint}`);
  }

  dispose(): void {
    this.#disposed = true;
    for (const child of this.#followers.values()) child?.kill();
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}
