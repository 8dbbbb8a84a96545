import * as vscode from 'vscode';
import { SPEC_ENDING } from '../../core/experiments/spec-ending';

/** Spec files further down than people keep them, or of other programs. */
const ELSEWHERE = '**/{node_modules,.git,.venv,venv,dist,build}/**';
const MOST = 1_000;

/** The spec files of the workspace. */
export class Specs implements vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changes.event;
  readonly #files = new Set<string>();
  readonly #subscriptions: vscode.Disposable[];
  #found: Promise<void> | undefined;

  constructor() {
    const watcher = vscode.workspace.createFileSystemWatcher(`**/*${SPEC_ENDING}`);
    this.#subscriptions = [
      this.#changes,
      watcher,
      watcher.onDidCreate((uri) => {
        if (uri.scheme !== 'file' || this.#files.has(uri.fsPath)) return;
        this.#files.add(uri.fsPath);
        this.#changes.fire();
      }),
      watcher.onDidDelete((uri) => {
        if (this.#files.delete(uri.fsPath)) this.#changes.fire();
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.find(true)),
    ];
  }

  /** Absolute paths, in the order of the alphabet. */
  get files(): readonly string[] {
    return [...this.#files].sort();
  }

  /** Looks for the files, once unless `again`. */
  async find(again = false): Promise<void> {
    if (again) this.#found = undefined;
    this.#found ??= this.#search();
    return this.#found;
  }

  async #search(): Promise<void> {
    const found = await vscode.workspace.findFiles(`**/*${SPEC_ENDING}`, ELSEWHERE, MOST);
    this.#files.clear();
    for (const uri of found) if (uri.scheme === 'file') this.#files.add(uri.fsPath);
    this.#changes.fire();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
