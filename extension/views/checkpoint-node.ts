import * as vscode from 'vscode';
import type { DescribedCheckpoint, Glance } from '../../core/experiments/library/checkpoints';
import { commandId } from '../registry';
import type { CheckpointNode, CheckpointUse, Node } from './nodes';

/** Where a checkpoint stands in a tree. */
interface Place {
  readonly parent: Node | undefined;
  readonly runDir: string;
  /** Unique among the checkpoints of the run. */
  readonly id: string;
  /** The name of the run, where the tree does not show it anyway. */
  readonly run?: string;
  readonly hasChildren?: boolean;
}

/** A checkpoint of a run as a node. */
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

/** What can be done with a checkpoint. @param resumes whether it is there to resume its own run */
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
  // Without it the tooltip is read out, which is a path.
  item.accessibilityInformation = { label: `${node.name}, ${node.description}` };
  item.iconPath = new vscode.ThemeIcon(trouble ? ICONS[trouble.what] : 'package');
  item.contextValue = trouble?.what ?? ['checkpoint', ...node.can].join(' ');
  // What is damaged can be looked at: the editor says what is wrong with it. Of what is another file by now it could not.
  if (trouble === undefined || !['missing', 'changed', 'not fetched'].includes(trouble.what))
    item.command = { command: commandId('inspectCheckpoint'), title: 'Inspect', arguments: [node] };
  return item;
}
