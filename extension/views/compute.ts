import * as vscode from 'vscode';
import * as z from 'zod';
import { formatAgo } from '../../core/protocol/format';
import type { RunRow } from '../../core/protocol/runs';
import { LOCAL } from '../../core/workers/worker';
import type { Cli } from '../cli';
import { commandId, VIEWS } from '../registry';
import type { Remote, Remotes } from '../remotes';
import { describeRun, stateIcon } from './describe';

/** A machine; `remote` is undefined for this one. */
interface MachineNode {
  readonly kind: 'machine' | 'remote';
  readonly name: string;
  readonly remote?: Remote;
}
interface RunNode {
  readonly kind: 'run';
  readonly runDir: string;
  readonly row: RunRow;
}
interface DeviceNode {
  readonly kind: 'device';
  readonly label: string;
  readonly description: string;
  readonly tooltip: string;
  readonly icon: string;
}
interface ActionNode {
  readonly kind: 'action';
}
type Node = MachineNode | RunNode | DeviceNode | ActionNode;

const devices = z.object({
  devices: z.array(
    z.object({
      provider: z.string(),
      available: z.boolean(),
      detail: z.string().optional(),
      reason: z.string().optional(),
      hint: z.string().optional(),
    }),
  ),
});

/** This machine and the remotes: what runs there, and what they compute on. A machine is asked when its node is opened. */
export class ComputeView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changes.event;
  readonly view: vscode.TreeView<Node>;
  readonly #devices = new Map<string, Promise<DeviceNode[]>>();
  readonly #subscription: vscode.Disposable;

  constructor(
    readonly cli: Cli,
    readonly remotes: Remotes,
  ) {
    this.view = vscode.window.createTreeView<Node>(VIEWS.compute, { treeDataProvider: this });
    const show = () => {
      if (this.view.visible) this.#changes.fire();
    };
    this.#subscription = vscode.Disposable.from(
      this.view,
      remotes.onDidChange(() => {
        this.#devices.clear();
        show();
      }),
      remotes.runs.onDidChange(show),
      this.view.onDidChangeVisibility(show),
    );
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) {
      const remotes = vscode.workspace.isTrusted ? await this.remotes.all().catch(() => []) : [];
      return [
        { kind: 'machine', name: LOCAL },
        ...remotes.map((remote) => ({ kind: 'remote' as const, name: remote.name, remote })),
        ...(remotes.length === 0 ? [{ kind: 'action' as const }] : []),
      ];
    }
    if (node.kind !== 'machine' && node.kind !== 'remote') return [];
    const runs = this.remotes.underway(node.name).map((row) => ({ kind: 'run' as const, runDir: row.dir, row }));
    return [...runs, ...(await this.#devicesOf(node))];
  }

  #devicesOf({ kind, name }: MachineNode): Promise<DeviceNode[]> {
    const known = this.#devices.get(name);
    if (known) return known;
    const asked = this.#ask(kind === 'remote' ? ['--on', name] : []);
    this.#devices.set(name, asked);
    return asked;
  }

  async #ask(on: readonly string[]): Promise<DeviceNode[]> {
    try {
      const found = await this.cli.json(['devices', ...on], devices);
      return found.devices.map(({ provider, available, detail = '', reason = '', hint = '' }) => ({
        kind: 'device',
        label: provider,
        description: available ? detail : vscode.l10n.t('not available'),
        tooltip: available ? detail : [reason, hint].filter(Boolean).join('\n'),
        icon: available ? 'circuit-board' : 'circle-slash',
      }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [
        { kind: 'device', label: vscode.l10n.t('No answer'), description: message, tooltip: message, icon: 'warning' },
      ];
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { None, Collapsed } = vscode.TreeItemCollapsibleState;
    switch (node.kind) {
      case 'action': {
        const item = new vscode.TreeItem(vscode.l10n.t('Add a machine with a GPU…'), None);
        item.iconPath = new vscode.ThemeIcon('add');
        item.command = { command: commandId('addRemote'), title: vscode.l10n.t('Add Remote…') };
        return item;
      }
      case 'device': {
        const item = new vscode.TreeItem(node.label, None);
        item.description = node.description;
        item.tooltip = node.tooltip;
        item.iconPath = new vscode.ThemeIcon(node.icon);
        return item;
      }
      case 'run': {
        const item = new vscode.TreeItem(node.row.name, None);
        const [icon, color] = stateIcon(node.row.state);
        item.description = describeRun(node.row);
        item.iconPath = new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
        item.contextValue = 'run active';
        item.command = { command: commandId('openCurves'), title: vscode.l10n.t('Open'), arguments: [node] };
        return item;
      }
      case 'machine':
      case 'remote': {
        const item = new vscode.TreeItem(node.remote?.name ?? vscode.l10n.t('This machine'), Collapsed);
        const away = this.remotes.away(node.name);
        const underway = this.remotes.underway(node.name);
        item.id = node.name;
        item.description = [
          ...(node.remote && node.remote.host !== node.remote.name ? [node.remote.host] : []),
          ...(away ? [vscode.l10n.t('cannot be reached')] : []),
          ...(underway.length === 1
            ? [vscode.l10n.t('1 run')]
            : underway.length > 1
              ? [vscode.l10n.t('{0} runs', underway.length)]
              : []),
        ].join(' · ');
        item.tooltip = away
          ? vscode.l10n.t('{0} ({1}) Its runs go on.', away.message, formatAgo(away.since))
          : node.remote
            ? vscode.l10n.t('{0}, in {1}', node.remote.host, node.remote.folder)
            : '';
        item.iconPath = new vscode.ThemeIcon(away ? 'warning' : node.remote ? 'remote' : 'device-desktop');
        item.contextValue = node.kind;
        return item;
      }
    }
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}
