import * as vscode from 'vscode';
import * as z from 'zod';
import { formatAgo, formatBytes } from '../../core/protocol/format';
import type { QueuedRun, QueuePlace, QueueView } from '../../core/protocol/queue';
import { isQueued, type RunRow } from '../../core/protocol/runs';
import { LOCAL } from '../../core/workers/worker';
import type { Cli } from '../cli';
import { describeFetches } from '../describe-fetches';
import type { Queues } from '../queues';
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
/** A run that was started from another folder than those of this window. */
interface QueuedNode {
  readonly kind: 'queued';
  readonly machine: string;
  readonly id: string;
  readonly run: QueuedRun;
}
interface DeviceNode {
  readonly kind: 'device';
  /** What it is part of, for its id in the tree. */
  readonly machine: string;
  readonly label: string;
  readonly description: string;
  readonly tooltip: string;
  readonly icon: string;
  /** What runs on it, then what waits for it, in order. */
  readonly runs: readonly (RunNode | QueuedNode)[];
}
interface ActionNode {
  readonly kind: 'action';
}
type Node = MachineNode | RunNode | QueuedNode | DeviceNode | ActionNode;

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
    readonly queues: Queues,
  ) {
    this.view = vscode.window.createTreeView<Node>(VIEWS.compute, { treeDataProvider: this });
    const show = () => {
      if (this.view.visible) this.#changes.fire();
    };
    this.#subscription = vscode.Disposable.from(
      this.view,
      remotes.onDidChange(() => {
        this.#devices.clear();
        this.queues.forget();
        show();
      }),
      remotes.runs.onDidChange(show),
      queues.onDidChange(show),
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
    if (node.kind === 'device') return [...node.runs];
    if (node.kind !== 'machine' && node.kind !== 'remote') return [];
    const rows = this.remotes.underway(node.name);
    const [queue, devices] = await Promise.all([this.queues.of(node.name, rows), this.#devicesOf(node)]);
    const withRuns = queue ? devices.map((device) => inQueue(device, queue, rows)) : devices;
    // Jobs of a scheduler, and runs on a machine that does not answer.
    const shown = new Set(withRuns.flatMap(({ runs }) => runs.map((one) => (one.kind === 'run' ? one.runDir : ''))));
    return [...rows.filter(({ dir }) => !shown.has(dir)).map(runNode), ...withRuns];
  }

  #devicesOf({ kind, name }: MachineNode): Promise<DeviceNode[]> {
    const known = this.#devices.get(name);
    if (known) return known;
    const asked = this.#ask(name, kind === 'remote' ? ['--on', name] : []);
    this.#devices.set(name, asked);
    return asked;
  }

  async #ask(machine: string, on: readonly string[]): Promise<DeviceNode[]> {
    try {
      const found = await this.cli.json(['devices', ...on], devices, { background: true });
      return found.devices.map(({ provider, available, detail = '', reason = '', hint = '' }) => ({
        kind: 'device',
        machine,
        runs: [],
        label: provider,
        description: available ? detail : vscode.l10n.t('not available'),
        tooltip: available ? detail : [reason, hint].filter(Boolean).join('\n'),
        icon: available ? 'circuit-board' : 'circle-slash',
      }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const label = vscode.l10n.t('No answer');
      return [{ kind: 'device', machine, runs: [], label, description: message, tooltip: message, icon: 'warning' }];
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
    switch (node.kind) {
      case 'action': {
        const item = new vscode.TreeItem(vscode.l10n.t('Add a machine with a GPU…'), None);
        item.iconPath = new vscode.ThemeIcon('add');
        item.command = { command: commandId('addRemote'), title: vscode.l10n.t('Add Remote…') };
        return item;
      }
      case 'device': {
        const item = new vscode.TreeItem(node.label, node.runs.length > 0 ? Expanded : None);
        // With another id, VS Code opens it when its first run comes.
        item.id = `${node.machine} ${node.label} ${node.runs.length > 0 ? 'in use' : ''}`;
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
        item.contextValue = isQueued(node.row) ? 'run active queued' : 'run active';
        item.command = { command: commandId('openCurves'), title: vscode.l10n.t('Open'), arguments: [node] };
        return item;
      }
      case 'queued': {
        const { name, state, reason, dir } = node.run;
        const item = new vscode.TreeItem(name, None);
        const waits = state === 'waiting';
        item.description = waits
          ? vscode.l10n.t('waiting: {0} · another folder', reason)
          : vscode.l10n.t('running · another folder');
        item.tooltip = dir;
        const [icon] = stateIcon(waits ? 'pending' : 'running');
        item.iconPath = new vscode.ThemeIcon(icon);
        item.contextValue = waits ? 'other queued' : 'other';
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
            ? describeRemote(node.remote)
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

/** Where it is, and what is fetched from there. */
const describeRemote = ({ host, folder, fetch: { which, limit } }: Remote): string =>
  [
    vscode.l10n.t('{0}, in {1}', host, folder),
    which === 'asked'
      ? vscode.l10n.t('Fetched when a run ends: nothing')
      : vscode.l10n.t(
          'Fetched when a run ends: {0} (up to {1})',
          describeFetches()[which].label.toLocaleLowerCase(),
          formatBytes(limit),
        ),
  ].join('\n');

const runNode = (row: RunRow): RunNode => ({ kind: 'run', runDir: row.dir, row });

/** A device with what runs on it, what waits for it, and its load. */
function inQueue(device: DeviceNode, { places, waiting }: QueueView, rows: readonly RunRow[]): DeviceNode {
  const { machine, label: provider } = device;
  const mine = (runs: readonly QueuedRun[]) => runs.filter((run) => run.provider === provider);
  const running = mine(places.flatMap(({ runs }) => runs));
  const line = mine(waiting);
  const used = places.filter(({ id, runs }) => id === provider || mine(runs).length > 0);
  const counts = [
    ...(running.length > 0 ? [vscode.l10n.t('{0} running', running.length)] : []),
    ...(line.length > 0 ? [vscode.l10n.t('{0} waiting', line.length)] : []),
  ];
  return {
    ...device,
    description: [...counts, ...used.map(describeLoad), device.description].filter(Boolean).join(' · '),
    tooltip: [device.tooltip, ...used.map((place) => `${place.name}: ${describeLoad(place)}`)]
      .filter(Boolean)
      .join('\n'),
    runs: [...running, ...line].map((run) => {
      // A run elsewhere has another directory there than its mirror here.
      const row = rows.find(({ dir, id, heard }) => (heard === null ? dir === run.dir : id === run.id));
      return row ? runNode(row) : { kind: 'queued', machine, id: run.dir, run };
    }),
  };
}

/** `3.2 GB of 16 GB, 80% busy`; empty if nothing is known. */
function describeLoad({ load: { used, memory, use } }: QueuePlace): string {
  return [
    ...(used === null || memory === null ? [] : [vscode.l10n.t('{0} of {1}', formatBytes(used), formatBytes(memory))]),
    ...(use === null ? [] : [vscode.l10n.t('{0}% busy', Math.round(use * 100))]),
  ].join(', ');
}
