import path from 'node:path';
import * as vscode from 'vscode';
import { kindOf } from '../../core/experiments/artifact-kinds';
import { formatAgo } from '../../core/protocol/format';
import { isFiltering, NO_FILTER, passes, type RunFilter } from '../../core/protocol/run-filter';
import {
  isActive,
  isQueued,
  isResumable,
  isUnderway,
  isWaiting,
  runStateName,
  type RunRow,
} from '../../core/protocol/runs';
import { commandId, CONTEXT, VIEWS } from '../registry';
import type { Sources } from '../panels/panel';
import type { Specs } from '../specs/specs';
import { descendants, describeFilter, groupBy, sorted, type Grouping, type SortOrder } from './arrange';
import { shownArtifact } from './artifact-kinds';
import { checkpointItem, checkpointNode } from './checkpoint-node';
import { describeRun, runTooltip, stateIcon } from './describe';
import type { GroupNode, Node, RunNode, SpecNode } from './nodes';

/** Maximum number of runs below a node; filters find the others. Ten thousand rows would be slow and of no use. */
const SHOWN = 500;

interface Arrangement {
  readonly grouping: Grouping;
  readonly order: SortOrder;
}

/** The tree of experiments: specs, their runs, and what those produced. */
export class ExperimentsView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.#changes.event;
  readonly view: vscode.TreeView<Node>;
  readonly #subscriptions: vscode.Disposable[] = [];
  #filter: RunFilter = NO_FILTER;
  #arrangement: Arrangement;
  #roots: readonly Node[] | undefined;
  #clock: NodeJS.Timeout | undefined;

  constructor(
    readonly sources: Pick<Sources, 'runs' | 'methods' | 'artifacts'> & { readonly specs: Specs },
    readonly memory: vscode.Memento,
    dragAndDropController: vscode.TreeDragAndDropController<Node>,
  ) {
    this.#arrangement = memory.get<Arrangement>('arrangement', { grouping: 'spec', order: 'newest' });
    this.view = vscode.window.createTreeView(VIEWS.experiments, {
      treeDataProvider: this,
      canSelectMany: true,
      showCollapseAll: true,
      dragAndDropController,
    });
    this.#subscriptions.push(
      this.view,
      this.#changes,
      sources.runs.onDidChange(() => {
        this.#update();
      }),
      sources.specs.onDidChange(() => {
        this.#update();
      }),
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible) void this.sources.runs.refresh();
        this.#tick();
      }),
    );
    this.#tick();
  }

  get filter(): RunFilter {
    return this.#filter;
  }

  setFilter(filter: RunFilter): void {
    this.#filter = filter;
    void vscode.commands.executeCommand('setContext', CONTEXT.filtered, isFiltering(filter));
    this.#update();
  }

  get arrangement(): Arrangement {
    return this.#arrangement;
  }

  async arrange(change: Partial<Arrangement>): Promise<void> {
    this.#arrangement = { ...this.#arrangement, ...change };
    await this.memory.update('arrangement', this.#arrangement);
    this.#update();
  }

  /** Selects a run in the tree and expands its ancestors; does nothing if a filter hides it. */
  async reveal(runDir: string): Promise<void> {
    const node = this.#find(this.#rootNodes(), runDir);
    if (node) await this.view.reveal(node, { select: true, focus: false, expand: true });
  }

  /** Keeps texts such as "3 min ago" up to date when nothing changes on disk. */
  #tick(): void {
    clearInterval(this.#clock);
    if (this.view.visible)
      this.#clock = setInterval(() => {
        this.#update();
      }, 30_000);
  }

  #update(): void {
    this.#roots = undefined;
    this.#describe();
    this.#changes.fire(undefined);
  }

  #describe(): void {
    const rows = this.sources.runs.rows();
    const active = rows.filter(({ state }) => isActive(state)).length;
    const filtered = isFiltering(this.#filter);
    const waiting = rows.filter(({ state }) => isWaiting(state)).length;
    const parts = [
      ...(filtered ? [describeFilter(this.#filter)] : []),
      ...(active > 0 ? [vscode.l10n.t('{0} running', active)] : []),
      ...(waiting > 0 ? [vscode.l10n.t('{0} waiting', waiting)] : []),
    ];
    this.view.description = parts.join(' · ');
    this.view.badge = active > 0 ? { value: active, tooltip: vscode.l10n.t('{0} running', active) } : undefined;
    this.view.message =
      filtered && rows.length > 0 && !rows.some((row) => passes(this.#filter, row))
        ? vscode.l10n.t('No run matches the filter: {0}.', describeFilter(this.#filter))
        : '';
    const any = rows.length > 0 || this.sources.specs.files.length > 0;
    void vscode.commands.executeCommand('setContext', CONTEXT.hasExperiments, any);
  }

  async getTreeItem(node: Node): Promise<vscode.TreeItem> {
    const item = node.kind === 'run' ? await this.#runItem(node) : this.#item(node);
    item.id = node.id;
    return item;
  }

  getParent(node: Node): Node | undefined {
    return node.parent;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    // What runs can show depends on their methods.
    await this.sources.methods.all();
    if (!node) return [...this.#rootNodes()];
    switch (node.kind) {
      case 'group':
      case 'spec':
        return this.#runNodes(node.rows, node);
      case 'run':
        return this.#contentOf(node);
      case 'checkpoint':
      case 'artifact':
      case 'message':
        return [];
    }
  }

  #rootNodes(): readonly Node[] {
    this.#roots ??= this.#arranged();
    return this.#roots;
  }

  #arranged(): Node[] {
    const { grouping, order } = this.#arrangement;
    const rows = sorted(
      this.sources.runs.rows().filter((row) => passes(this.#filter, row)),
      order,
    );
    switch (grouping) {
      case 'none':
        return this.#runNodes(rows, undefined);
      case 'method':
        return [...groupBy(rows, (row) => row.method)].map(([method, of]) => groupNode(method, of));
      case 'lineage': {
        const below = new Set([...descendants(rows).values()].flat().map(({ id }) => id));
        return this.#runNodes(
          rows.filter(({ id }) => !below.has(id)),
          undefined,
        );
      }
      case 'spec':
        return this.#bySpec(rows);
    }
  }

  #bySpec(rows: readonly RunRow[]): Node[] {
    const located = new Map(rows.map((row) => [row, this.sources.specs.locate(row)]));
    const groups = groupBy(rows, (row) => located.get(row)?.file ?? row.specFile);
    const files = isFiltering(this.#filter) ? [] : this.sources.specs.files;
    const idle = files.filter((file) => !groups.has(file));
    const node = (file: string, of: readonly RunRow[], where: SpecNode['where']): SpecNode => ({
      kind: 'spec',
      id: `spec:${file}`,
      parent: undefined,
      file,
      where,
      rows: of,
    });
    const whereOf = (of: readonly RunRow[]) => (of[0] && located.get(of[0])?.where) ?? 'nowhere';
    // The spec of a run whose run.json cannot be read is unknown, so such runs are listed directly.
    const unreadable = groups.get('') ?? [];
    return [
      ...this.#runNodes(unreadable, undefined),
      ...[...groups].filter(([file]) => file !== '').map(([file, of]) => node(file, of, whereOf(of))),
      ...idle.map((file) => node(file, [], 'window')),
    ];
  }

  #runNodes(rows: readonly RunRow[], parent: Node | undefined): Node[] {
    const nodes: Node[] = rows
      .slice(0, SHOWN)
      .map((row) => ({ kind: 'run', id: `run:${row.dir}`, parent, runDir: row.dir, row }));
    if (rows.length > SHOWN)
      nodes.push({
        kind: 'message',
        id: `more:${parent?.id ?? ''}`,
        parent,
        label: vscode.l10n.t('{0} more: use the filter, or Compare Runs', rows.length - SHOWN),
      });
    return nodes;
  }

  async #contentOf(node: RunNode): Promise<Node[]> {
    const { runDir } = node;
    const [{ describeCheckpoint, listCheckpoints }, { listArtifacts }] = await Promise.all([
      import('../../core/experiments/library/checkpoints'),
      import('../../core/experiments/library/store'),
    ]);
    const [checkpoints, artifacts] = await Promise.all([
      listCheckpoints(runDir).catch(() => []),
      listArtifacts(runDir).catch(() => []),
    ]);
    const inside = await Promise.all(
      checkpoints.map(async (checkpoint) =>
        checkpointNode(await describeCheckpoint(checkpoint), { parent: node, runDir, id: checkpoint.name }),
      ),
    );
    const declared = this.sources.methods.artifactsOf(node.row.method);
    const below =
      this.#arrangement.grouping === 'lineage'
        ? this.#runNodes(descendants(this.sources.runs.rows()).get(node.row.id) ?? [], node)
        : [];
    const content: Node[] = [
      ...inside,
      ...artifacts.map((name): Node => ({
        kind: 'artifact',
        id: `artifact:${runDir}:${name}`,
        parent: node,
        runDir,
        name,
        artifact: kindOf(name, declared),
      })),
      ...below,
    ];
    if (content.length > 0) return content;
    const label = isUnderway(node.row.state)
      ? vscode.l10n.t('No checkpoint yet')
      : vscode.l10n.t('The run has no checkpoint');
    return [{ kind: 'message', id: `empty:${runDir}`, parent: node, label }];
  }

  #find(nodes: readonly Node[], runDir: string): RunNode | undefined {
    for (const node of nodes) {
      if (node.kind === 'run' && node.runDir === runDir) return node;
      if (node.kind === 'group' || node.kind === 'spec') {
        const found = this.#find(this.#runNodes(node.rows, node), runDir);
        if (found) return found;
      }
    }
    return undefined;
  }

  #item(node: Exclude<Node, RunNode>): vscode.TreeItem {
    const { None, Expanded } = vscode.TreeItemCollapsibleState;
    switch (node.kind) {
      case 'group': {
        const item = new vscode.TreeItem(node.label, Expanded);
        item.description = describeGroup(node.rows);
        item.iconPath = new vscode.ThemeIcon('beaker');
        item.contextValue = 'group';
        return item;
      }
      case 'spec':
        return this.#specItem(node);
      case 'checkpoint':
        return checkpointItem(node);
      case 'artifact': {
        const known = shownArtifact(node.artifact);
        const item = new vscode.TreeItem(known?.title ?? node.name, None);
        if (known) item.description = node.name;
        item.iconPath = new vscode.ThemeIcon(known?.icon ?? 'file');
        item.contextValue = 'artifact';
        item.command = { command: commandId('openArtifact'), title: 'Open', arguments: [node] };
        return item;
      }
      case 'message':
        return new vscode.TreeItem(node.label, None);
    }
  }

  async #runItem({ row }: RunNode): Promise<vscode.TreeItem> {
    const item = new vscode.TreeItem(
      `${row.starred ? '★ ' : ''}${row.name}`,
      vscode.TreeItemCollapsibleState.Collapsed,
    );
    const [icon, color] = stateIcon(row.state);
    item.description = describeRun(row);
    item.iconPath = new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
    item.tooltip = new vscode.MarkdownString(runTooltip(row, this.sources.runs.readAt, escapeMarkdown));
    const can = [
      ...(isUnderway(row.state) ? ['active'] : ['ended']),
      ...(isResumable(row.state) ? ['resumable'] : []),
      ...(isQueued(row) ? ['queued'] : []),
      ...(row.starred ? ['starred'] : []),
      // Do not offer panels that can never show anything for this run.
      ...(await this.sources.artifacts.offered(row)),
    ];
    item.contextValue = ['run', ...can].join(' ');
    item.accessibilityInformation = { label: `${row.name}, ${runStateName(row.state)}, ${item.description}` };
    return item;
  }

  #specItem(node: SpecNode): vscode.TreeItem {
    const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
    const live = node.rows.some(({ state }) => isUnderway(state));
    const label = path.basename(node.file).replace(/\.winnow\.json$/, '');
    const item = new vscode.TreeItem(label, node.rows.length === 0 ? None : live ? Expanded : Collapsed);
    const runs = describeGroup(node.rows);
    item.tooltip = node.file;
    item.iconPath = new vscode.ThemeIcon('beaker');
    item.contextValue = node.where === 'nowhere' ? 'spec gone' : 'spec';
    if (node.where === 'nowhere') item.description = vscode.l10n.t('spec not found · {0}', runs);
    else {
      const folder = vscode.workspace.asRelativePath(path.dirname(node.file));
      item.description = node.where === 'elsewhere' ? vscode.l10n.t('in {0} · {1}', folder, runs) : runs;
      item.resourceUri = vscode.Uri.file(node.file);
      if (node.rows.length === 0) item.command = { command: commandId('openSpec'), title: 'Open', arguments: [node] };
    }
    return item;
  }

  dispose(): void {
    clearInterval(this.#clock);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

const groupNode = (label: string, rows: readonly RunRow[]): GroupNode => ({
  kind: 'group',
  id: `group:${label}`,
  parent: undefined,
  label,
  rows,
});

function describeGroup(rows: readonly RunRow[]): string {
  const [latest] = [...rows].sort((a, b) => b.created - a.created);
  if (!latest) return vscode.l10n.t('not run yet');
  const count = rows.length === 1 ? vscode.l10n.t('1 run') : vscode.l10n.t('{0} runs', rows.length);
  return `${count} · ${formatAgo(latest.created)}`;
}

export const escapeMarkdown = (text: string) => text.replaceAll(/[\\`*_{}[\]()#+\-.!|<>~&]/g, '\\$&');
