import path from 'node:path';
import * as vscode from 'vscode';
import type { LibraryChange, RunLibrary } from '../core/experiments/library/library';
import { isUnderway, type RunRow } from '../core/protocol/runs';
import { diskFolders } from './guard';
import { setting } from './settings';

/** Between two looks at the runs, milliseconds: while one is being worked on, and else. */
const BUSY = 1_000;
const IDLE = 5_000;

export interface RunsChange extends LibraryChange {
  /** The rows of `changed` as they were before; a new run has none. */
  readonly before: ReadonlyMap<string, RunRow>;
}

/**
 * The runs of all folders of the window. File watchers tell of most changes at once, but miss files that are made in a
 * folder as new as they are, and know nothing of a worker's death: so the folders are also looked at by the clock.
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

  /** The folder of runs of a workspace folder, absolute. */
  runsDir(folder: vscode.WorkspaceFolder): string {
    return path.resolve(folder.uri.fsPath, setting('runsFolder', folder.uri) || 'runs');
  }

  /** The folder that the runs of a spec go to: that of its workspace folder, or `runs` beside a file from elsewhere. */
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

  /** When all folders were last looked at, milliseconds since 1970; 0 before the first time. */
  get readAt(): number {
    return Math.min(...[...this.#libraries.values()].map((library) => library.readAt), Date.now());
  }

  /** @param dir a run that is known to have changed */
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

  /** Opens the folders of runs that the window has now, and closes those that it no longer has. */
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

  /** One index for each folder of runs, in the storage that VS Code keeps for the workspace. */
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
      // Many files change in one go: one look covers them.
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
