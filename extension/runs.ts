import path from 'node:path';
import * as vscode from 'vscode';
import type { LibraryChange, RunLibrary } from '../core/experiments/library/library';
import { isUnderway, type RunRow } from '../core/protocol/runs';
import { diskFolders } from './guard';
import { setting } from './settings';

/** Interval between scans of the runs, milliseconds: while a run is active, and otherwise. */
const BUSY = 1_000;
const IDLE = 5_000;

export interface RunsChange extends LibraryChange {
  /** The previous rows of the `changed` runs; a new run has none. */
  readonly before: ReadonlyMap<string, RunRow>;
}

/**
 * The runs of all folders in the window. File watchers report most changes at once, but they miss files in folders that were
 * just created, and the death of a worker. So the folders are also scanned periodically.
 */
export class Runs implements vscode.Disposable {
  readonly #libraries = new Map<string, RunLibrary>();
  readonly #known = new Map<string, RunRow>();
  readonly #changes = new vscode.EventEmitter<RunsChange>();
  readonly #subscriptions: vscode.Disposable[] = [this.#changes];
  readonly #watchers = new Map<string, vscode.Disposable>();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #disposed = false;

  readonly onDidChange = this.#changes.event;

  constructor(readonly storage: vscode.Uri | undefined) {
    this.#subscriptions.push(
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.refresh()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('winnow.runsFolder')) void this.refresh();
      }),
    );
  }

  /** The absolute path of a workspace folder's folder of runs. */
  runsDir(folder: vscode.WorkspaceFolder): string {
    return path.resolve(folder.uri.fsPath, setting('runsFolder', folder.uri) || 'runs');
  }

  /**
   * Where runs of a spec are written: to its workspace folder's folder of runs, or to `runs` next to a file from elsewhere.
   */
  runsDirFor(file: string): string {
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file));
    return folder ? this.runsDir(folder) : path.join(path.dirname(file), 'runs');
  }

  /** All runs, newest first. */
  rows(): RunRow[] {
    return [...this.#libraries.values()].flatMap((library) => library.rows()).sort((a, b) => b.created - a.created);
  }

  byDir(dir: string): RunRow | undefined {
    return this.#libraries.get(path.dirname(dir))?.row(path.basename(dir));
  }

  /** When the oldest scan was made, milliseconds since 1970; 0 before the first one. */
  get readAt(): number {
    return Math.min(...[...this.#libraries.values()].map((library) => library.readAt), Date.now());
  }

  /** @param dir a run known to have changed */
  async refresh(dir?: string): Promise<void> {
    if (dir !== undefined) this.#libraries.get(path.dirname(dir))?.hint(dir);
    clearTimeout(this.#timer);
    try {
      await this.#open();
      await Promise.all([...this.#libraries.values()].map((library) => library.refresh()));
    } finally {
      clearTimeout(this.#timer);
      const busy = [...this.#known.values()].some(({ state }) => isUnderway(state) || state === 'queued');
      if (!this.#disposed) this.#timer = setTimeout(() => void this.refresh(), busy ? BUSY : IDLE);
    }
  }

  /** @param dir a run in which something other than its worker has written: what views show of it is read again */
  reread(dir: string): void {
    const row = this.#known.get(dir);
    if (row) this.#changes.fire({ changed: [row.id], removed: [], before: new Map([[row.id, row]]) });
  }

  /** Opens the folders of runs that are new in the window, and closes those that are gone. */
  async #open(): Promise<void> {
    const { RunLibrary } = await import('../core/experiments/library/library');
    if (this.#disposed) return;
    const wanted = new Set(diskFolders().map((folder) => this.runsDir(folder)));
    for (const [dir, library] of this.#libraries) {
      if (wanted.has(dir)) continue;
      library.close();
      this.#libraries.delete(dir);
      this.#watchers.get(dir)?.dispose();
      this.#watchers.delete(dir);
      const removed = [...this.#known].filter(([known]) => path.dirname(known) === dir).map(([, row]) => row.id);
      for (const id of removed) this.#known.delete(path.join(dir, id));
      if (removed.length > 0) this.#changes.fire({ changed: [], removed, before: new Map() });
    }
    for (const dir of wanted) {
      if (this.#libraries.has(dir)) continue;
      const library = new RunLibrary(dir, this.#indexFile(dir));
      library.onDidChange((change) => {
        this.#tell(dir, change);
      });
      this.#libraries.set(dir, library);
      this.#watchers.set(dir, this.#watch(dir));
    }
  }

  /** One index file per folder of runs, in VS Code's storage for the workspace. */
  #indexFile(dir: string): string | undefined {
    if (this.storage?.scheme !== 'file') return undefined;
    return path.join(this.storage.fsPath, `runs-${Buffer.from(dir).toString('base64url').slice(-80)}.json`);
  }

  #watch(dir: string): vscode.Disposable {
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(dir), '*/{run,status,annotations}.json'),
    );
    const noticed = (uri: vscode.Uri) => {
      this.#libraries.get(dir)?.hint(uri.fsPath);
      // Many files change together; one scan covers them.
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        void this.refresh();
      }, 100);
    };
    watcher.onDidChange(noticed);
    watcher.onDidCreate(noticed);
    watcher.onDidDelete(noticed);
    return watcher;
  }

  #tell(dir: string, { changed, removed }: LibraryChange): void {
    const before = new Map<string, RunRow>();
    for (const id of changed) {
      const key = path.join(dir, id);
      const was = this.#known.get(key);
      if (was) before.set(id, was);
      const now = this.#libraries.get(dir)?.row(id);
      if (now) this.#known.set(key, now);
    }
    for (const id of removed) this.#known.delete(path.join(dir, id));
    this.#changes.fire({ changed, removed, before });
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    for (const library of this.#libraries.values()) library.close();
    for (const watcher of this.#watchers.values()) watcher.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
