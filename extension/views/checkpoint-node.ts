import * as vscode from 'vscode';
import type { DescribedCheckpoint, Glance } from '../../core/experiments/library/checkpoints';
import { commandId } from '../registry';
import type { CheckpointNode, CheckpointUse, Node } from './nodes';

/** The position of a checkpoint in a tree. */
interface Place {
  readonly parent: Node | undefined;
  readonly runDir: string;
  /** Unique within the run. */
  readonly id: string;
  /** The name of the run, unless the tree shows it anyway. */
  readonly run?: string;
  readonly hasChildren?: boolean;
}

/** The tree node of a run's checkpoint. */
export function checkpointNode(
  checkpoint: DescribedCheckpoint,
  { parent, runDir, id, run, hasChildren = false }: Place,
): CheckpointNode {
  const { path, name, description, trouble, kind } = checkpoint;
  return {
    kind: 'checkpoint',
    id: `checkpoint:${runDir}:${id}`,
    parent,
    path,
    runDir,
    name,
    description: [description, run].filter(Boolean).join(' · '),
    tooltip: [path, ...(run === undefined ? [] : [run]), ...(trouble ? [trouble.why] : [])].join('\n'),
    trouble,
    can: usesOf(checkpoint, kind === 'training'),
    hasChildren,
  };
}

/** What can be done with a checkpoint. @param resumes whether it is the state to resume its own run from */
export function usesOf({ words, model, trouble }: Glance, resumes = false): readonly CheckpointUse[] {
  if (trouble) return [];
  return [
    ...(words.length > 0 ? (['read'] as const) : []),
    ...(model === 'decoder' ? (['sample'] as const) : []),
    ...(resumes ? [] : (['branch'] as const)),
  ];
}

const ICONS = {
  missing: 'circle-slash',
  changed: 'warning',
  'not fetched': 'cloud',
  incomplete: 'warning',
  damaged: 'warning',
  unreadable: 'warning',
} as const;

export function checkpointItem(node: CheckpointNode): vscode.TreeItem {
  const { None, Collapsed } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(node.name, node.hasChildren ? Collapsed : None);
  const { trouble } = node;
  item.description = node.description;
  item.tooltip = node.tooltip;
  // Otherwise, screen readers read the tooltip, which is a path.
  item.accessibilityInformation = { label: `${node.name}, ${node.description}` };
  item.iconPath = new vscode.ThemeIcon(trouble ? ICONS[trouble.what] : 'package');
  item.contextValue = trouble?.what.replace(' ', '-') ?? ['checkpoint', ...node.can].join(' ');
  // A damaged checkpoint can be opened, and the editor explains what is wrong. That is not possible if its files are missing
  // or have changed.
  if (trouble?.what === 'not fetched')
    item.command = { command: commandId('fetchCheckpoint'), title: 'Fetch', arguments: [node] };
  else if (trouble === undefined || !['missing', 'changed'].includes(trouble.what))
    item.command = { command: commandId('inspectCheckpoint'), title: 'Inspect', arguments: [node] };
  return item;
}
