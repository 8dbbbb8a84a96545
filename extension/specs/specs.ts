import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { SPEC_ENDING } from '../../core/experiments/spec/ending';
import type { RunRow } from '../../core/protocol/runs';
import { locateSpec, type LocatedSpec } from './locate';

/** Folders that hold no specs of the user. */
const ELSEWHERE = '**/{node_modules,.git,.venv,venv,dist,build}/**';
const MOST = 1_000;
/** How long the result of an existence check is valid, milliseconds. */
const FRESH = 10_000;

/** The spec files of the workspace. */
export class Specs implements vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changes.event;
  readonly #files = new Set<string>();
  readonly #subscriptions: vscode.Disposable[];
  /** Results of existence checks, with their times. */
  readonly #looked = new Map<string, { readonly at: number; readonly there: boolean }>();
  #found: Promise<void> | undefined;

  constructor() {
    const watcher = vscode.workspace.createFileSystemWatcher(`**/*${SPEC_ENDING}`);
    this.#subscriptions = [
      this.#changes,
      watcher,
      watcher.onDidCreate((uri) => {
        if (uri.scheme !== 'file' || this.#files.has(uri.fsPath)) return;
        this.#files.add(uri.fsPath);
        this.#looked.delete(uri.fsPath);
        this.#changes.fire();
      }),
      watcher.onDidDelete((uri) => {
        this.#looked.delete(uri.fsPath);
        if (this.#files.delete(uri.fsPath)) this.#changes.fire();
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.find(true)),
    ];
  }

  /** Absolute paths, sorted. */
  get files(): readonly string[] {
    return [...this.#files].sort();
  }

  /** Searches for the files, only once unless `again`. */
  async find(again = false): Promise<void> {
    if (again) this.#found = undefined;
    this.#found ??= this.#search();
    return this.#found;
  }

  /** The spec that a run was made from. */
  locate({ specFile, dir }: Pick<RunRow, 'specFile' | 'dir'>): LocatedSpec {
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(dir));
    return locateSpec(specFile, {
      folder: folder?.uri.fsPath ?? path.dirname(path.dirname(dir)),
      exists: (file) => this.#files.has(file) || this.#exists(file),
      inWindow: (file) => vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file)) !== undefined,
    });
  }

  /** The given runs that were made from a spec. */
  runsOf(file: string, rows: readonly RunRow[]): RunRow[] {
    return rows.filter((row) => row.specFile === file || this.locate(row).file === file);
  }

  #exists(file: string): boolean {
    const looked = this.#looked.get(file);
    if (looked && Date.now() - looked.at < FRESH) return looked.there;
    const there = existsSync(file);
    this.#looked.set(file, { at: Date.now(), there });
    return there;
  }

  async #search(): Promise<void> {
    const found = await vscode.workspace.findFiles(`**/*${SPEC_ENDING}`, ELSEWHERE, MOST);
    this.#files.clear();
    this.#looked.clear();
    for (const uri of found) if (uri.scheme === 'file') this.#files.add(uri.fsPath);
    this.#changes.fire();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
