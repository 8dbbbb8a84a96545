import * as vscode from 'vscode';
import type { ArtifactTarget, CheckpointTarget, RunTarget, SpecTarget, Target } from '../core/protocol/targets';

/** The target that a command was called with: a tree node, something sent by a panel, or nothing from the command palette. */
export function targetOf(value: unknown): Target | undefined {
  if (value instanceof vscode.Uri) return fromUri(value);
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  const has = (key: string): boolean => key in value && typeof Reflect.get(value, key) === 'string';
  switch (value.kind) {
    case 'run':
      return has('runDir') ? (value as RunTarget) : undefined;
    case 'checkpoint':
      return has('path') ? (value as CheckpointTarget) : undefined;
    case 'spec':
      return has('file') ? (value as SpecTarget) : undefined;
    case 'artifact':
      return has('runDir') && has('name') ? (value as ArtifactTarget) : undefined;
    default:
      return undefined;
  }
}

/** From the menus of the explorer and the editor title. */
function fromUri(uri: vscode.Uri): Target {
  return uri.path.endsWith('.winnow.json')
    ? { kind: 'spec', file: uri.fsPath }
    : { kind: 'checkpoint', path: uri.scheme === 'file' ? uri.fsPath : uri.toString() };
}

/** The targets of a command: the selection if there is one, else what was clicked. */
export function targetsOf(value: unknown, selection: unknown): Target[] {
  const several = Array.isArray(selection) ? selection.map(targetOf).filter((target) => target !== undefined) : [];
  if (several.length > 0) return several;
  const one = targetOf(value);
  return one ? [one] : [];
}

/** The runs among the targets, including the runs of checkpoints and artifacts. */
export const runDirsOf = (targets: readonly Target[]): string[] => [
  ...new Set(targets.flatMap((target) => (target.kind === 'spec' ? [] : (target.runDir ?? [])))),
];
