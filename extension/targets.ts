import * as vscode from 'vscode';
import type { ArtifactTarget, CheckpointTarget, RunTarget, SpecTarget, Target } from '../core/protocol/targets';

/** What a command was called with, if it is a target: a node, something that a panel sent, or nothing from the palette. */
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

/** From the explorer's and the editor title's menus. */
function fromUri(uri: vscode.Uri): Target {
  return uri.path.endsWith('.winnow.json')
    ? { kind: 'spec', file: uri.fsPath }
    : { kind: 'checkpoint', path: uri.scheme === 'file' ? uri.fsPath : uri.toString() };
}

/** The targets of a command: the selection where what was clicked is part of one, else what was clicked. */
export function targetsOf(value: unknown, selection: unknown): Target[] {
  const several = Array.isArray(selection) ? selection.map(targetOf).filter((target) => target !== undefined) : [];
  if (several.length > 0) return several;
  const one = targetOf(value);
  return one ? [one] : [];
}

/** The runs among targets: those that were clicked, and those of checkpoints and artifacts that were. */
export const runDirsOf = (targets: readonly Target[]): string[] => [
  ...new Set(targets.flatMap((target) => (target.kind === 'spec' ? [] : (target.runDir ?? [])))),
];
