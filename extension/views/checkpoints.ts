import path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointRow } from '../../core/experiments/library/checkpoints';
import type { RunRow } from '../../core/protocol/runs';
import { VIEWS } from '../registry';
import type { Runs } from '../runs';
import { checkpointItem, checkpointNode, usesOf } from './checkpoint-node';
import type { CheckpointNode, Node } from './nodes';

const ELSEWHERE = '**/{node_modules,.git,.venv,venv}/**';
const MOST = 2_000;

interface Made {
  readonly row: RunRow;
  readonly checkpoints: readonly CheckpointRow[];
}

/** Every model of the workspace and of all runs, each below the model that it was made from. */
export class CheckpointsView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.#changes.event;
  readonly view: vscode.TreeView<Node>;
  readonly #subscriptions: vscode.Disposable[];
  /** The checkpoints that runs made, by the path of the model they started from; '' if they started from none. */
  #made: Promise<ReadonlyMap<string, readonly Made[]>> | undefined;
  #workspace: Promise<readonly string[]> | undefined;

  constructor(
    readonly runs: Runs,
    dragAndDropController: vscode.TreeDragAndDropController<Node>,
  ) {
    this.view = vscode.window.createTreeView(VIEWS.checkpoints, {
      treeDataProvider: this,
      canSelectMany: true,
      showCollapseAll: true,
      dragAndDropController,
    });
    const watcher = vscode.workspace.createFileSystemWatcher('**/*.safetensors', false, true, false);
    const models = () => {
      this.#workspace = undefined;
      this.#changes.fire(undefined);
    };
    this.#subscriptions = [
      this.view,
      this.#changes,
      watcher,
      watcher.onDidCreate(models),
      watcher.onDidDelete(models),
      runs.onDidChange(() => {
        this.#made = undefined;
        if (this.view.visible) this.#changes.fire(undefined);
      }),
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible) this.#changes.fire(undefined);
      }),
    ];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === 'checkpoint') {
      const item = checkpointItem(node);
      item.id = node.id;
      return item;
    }
    return new vscode.TreeItem(node.kind === 'message' ? node.label : node.id);
  }

  getParent(node: Node): Node | undefined {
    return node.parent;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    const made = await (this.#made ??= this.#readRuns());
    if (node) return node.kind === 'checkpoint' ? this.#under(made, node.path, node) : [];
    const own = new Set([...made.values()].flat().flatMap(({ checkpoints }) => checkpoints.map((one) => one.path)));
    const found = await (this.#workspace ??= this.#findModels());
    // A run's checkpoint is only listed below the model that it was made from.
    const roots = new Set([...found, ...made.keys()].filter((model) => model !== '' && !own.has(model)));
    const nodes = [...roots].sort().map((model) => this.#external(made, model));
    return [...(await Promise.all(nodes)), ...(await this.#under(made, '', undefined))];
  }

  async #under(
    made: ReadonlyMap<string, readonly Made[]>,
    parentPath: string,
    parent: Node | undefined,
  ): Promise<CheckpointNode[]> {
    const { describeCheckpoint } = await import('../../core/experiments/library/checkpoints');
    const nodes = (made.get(parentPath) ?? []).flatMap(({ row, checkpoints }) =>
      checkpoints.map(async (checkpoint) =>
        checkpointNode(await describeCheckpoint(checkpoint), {
          parent,
          runDir: row.dir,
          id: checkpoint.name,
          run: row.name,
          hasChildren: made.has(checkpoint.path),
        }),
      ),
    );
    return Promise.all(nodes);
  }

  async #external(made: ReadonlyMap<string, readonly Made[]>, model: string): Promise<CheckpointNode> {
    const { glanceAt } = await import('../../core/experiments/library/checkpoints');
    const glance = await glanceAt(model);
    const { words, trouble } = glance;
    return {
      kind: 'checkpoint',
      id: `model:${model}`,
      parent: undefined,
      path: model,
      name: vscode.workspace.asRelativePath(model).split(path.sep).slice(-2).join('/'),
      description: trouble?.what ?? words.join(' · '),
      tooltip: [model, ...(trouble ? [trouble.why] : [])].join('\n'),
      trouble,
      can: usesOf(glance),
      hasChildren: made.has(model),
    };
  }

  async #readRuns(): Promise<ReadonlyMap<string, readonly Made[]>> {
    const { listCheckpoints } = await import('../../core/experiments/library/checkpoints');
    const made = new Map<string, Made[]>();
    for (const row of this.runs.rows()) {
      const checkpoints = await listCheckpoints(row.dir).catch(() => []);
      if (checkpoints.length === 0) continue;
      const parent = row.parents[0]?.path ?? '';
      made.set(parent, [...(made.get(parent) ?? []), { row, checkpoints }]);
    }
    return made;
  }

  /** Model folders (which contain a `model*.safetensors`) and single files in the workspace, outside of runs. */
  async #findModels(): Promise<readonly string[]> {
    const files = await vscode.workspace.findFiles('**/*.safetensors', ELSEWHERE, MOST);
    const runs = (vscode.workspace.workspaceFolders ?? []).map((folder) => this.runs.runsDir(folder) + path.sep);
    const outside = files
      .filter(({ scheme, fsPath }) => scheme === 'file' && !runs.some((dir) => fsPath.startsWith(dir)))
      .map(({ fsPath }) => fsPath);
    return [...new Set(outside.map((file) => (/^model[-.]/.test(path.basename(file)) ? path.dirname(file) : file)))];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
