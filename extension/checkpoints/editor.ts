import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Inspector } from '../../core/inspection/client';
import { UserError } from '../../core/errors';
import type { CheckpointContract } from '../../core/protocol/checkpoint-panel';
import type { CheckpointOverview } from '../../core/protocol/inspection';
import { formatBytes } from '../../core/protocol/format';
import type { Handlers } from '../../core/protocol/rpc';
import type { Milestones } from '../milestones';
import { commonHandlers } from '../panels/common';
import { connect } from '../panels/connection';
import { panelPage, panelRoots } from '../panels/page';

/** Files in virtual file systems are fetched whole, because VS Code's API cannot read ranges; bytes. */
const LARGEST_FETCHED = 256 * 2 ** 20;

export class CheckpointDocument implements vscode.CustomDocument {
  /** A local copy of a file from a virtual file system. */
  #copy: Promise<string> | undefined;
  #first: Promise<CheckpointOverview> | undefined;

  constructor(
    readonly uri: vscode.Uri,
    readonly inspector: Inspector,
  ) {
    // Requested early: the inspector starts and reads while the editor's page loads, which takes longer.
    if (uri.scheme === 'file') this.#first = inspector.overview(uri.fsPath);
    this.#first?.catch(() => undefined);
  }

  /**
   * The overview of the file. The first call returns the one requested when the editor was opened. @throws UserError of the
   * inspector
   */
  async overview(signal: AbortSignal): Promise<CheckpointOverview> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.inspector.overview(await this.path(), { signal });
  }

  /** A path on disk, where ranges can be read. @throws UserError `file.too-large`, `file.unreadable` */
  async path(): Promise<string> {
    if (this.uri.scheme === 'file') return this.uri.fsPath;
    this.#copy ??= this.#fetch();
    return this.#copy;
  }

  async #fetch(): Promise<string> {
    const { size } = await vscode.workspace.fs.stat(this.uri);
    if (size > LARGEST_FETCHED)
      throw new UserError(
        'file.too-large',
        vscode.l10n.t(
          '{0} is {1} large; Winnow reads at most {2} from a virtual file system.',
          path.posix.basename(this.uri.path),
          formatBytes(size),
          formatBytes(LARGEST_FETCHED),
        ),
        vscode.l10n.t('Open the folder that contains the file on a disk.'),
      );
    const folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-view-'));
    const file = path.join(folder, path.posix.basename(this.uri.path));
    await writeFile(file, await vscode.workspace.fs.readFile(this.uri));
    return file;
  }

  dispose(): void {
    void this.#copy?.then(
      (file) => rm(path.dirname(file), { recursive: true, force: true }),
      () => undefined,
    );
  }
}

/** Opens `.safetensors` files and shard indexes read-only: headers at once, values on demand. */
export class CheckpointEditor implements vscode.CustomReadonlyEditorProvider<CheckpointDocument> {
  constructor(
    readonly extensionUri: vscode.Uri,
    readonly inspector: Inspector,
    readonly milestones: Milestones,
    readonly onDefect: (error: unknown) => void,
  ) {}

  openCustomDocument(uri: vscode.Uri): CheckpointDocument {
    return new CheckpointDocument(uri, this.inspector);
  }

  resolveCustomEditor(document: CheckpointDocument, panel: vscode.WebviewPanel): void {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: panelRoots(this.extensionUri) };
    const handlers: Handlers<CheckpointContract> = {
      ...commonHandlers,
      load: async (_params, { signal }) => {
        const overview = await document.overview(signal);
        await this.milestones.reached('inspected');
        return overview;
      },
      statistics: async ({ tensor }, { signal, progress }) =>
        this.inspector.statistics(await document.path(), tensor, { signal, onProgress: progress }),
      checkpointStatistics: async ({ onlyKept }, { signal, progress }) =>
        this.inspector.checkpointStatistics(await document.path(), onlyKept, { signal, onProgress: progress }),
      spectrum: async ({ name }, { signal, progress }) =>
        this.inspector.spectrum(await document.path(), name, { signal, onProgress: progress }),
      keptShares: async (_params, { signal, progress }) =>
        this.inspector.keptShares(await document.path(), { signal, onProgress: progress }),
      values: async ({ tensor, window }, { signal }) =>
        this.inspector.values(await document.path(), tensor, window, { signal }),
    };
    const connection = connect<CheckpointContract>(webview, handlers, this.onDefect);
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.joinPath(document.uri, '..'), path.posix.basename(document.uri.path)),
    );
    const changed = () => {
      connection.send('changed', null);
    };
    watcher.onDidChange(changed);
    watcher.onDidCreate(changed);
    panel.onDidDispose(() => {
      watcher.dispose();
      connection.dispose();
    });
    webview.html = panelPage(webview, this.extensionUri, {
      name: 'checkpoint',
      title: path.posix.basename(document.uri.path),
      input: document.uri.toString(),
    });
  }
}
