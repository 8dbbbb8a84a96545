import * as vscode from 'vscode';
import type { CommandName } from '../registry';
import type { ShownKind } from '../run-artifacts';

/** How an artifact that a panel shows looks in the tree. */
export interface ShownArtifact {
  readonly title: string;
  readonly icon: string;
  /** What opens its panel. */
  readonly command: CommandName;
}

/** By the kind that the run's method says a file is of; undefined for a plain file. */
export function shownArtifact(kind: string | undefined): ShownArtifact | undefined {
  const shown: Readonly<Record<ShownKind, ShownArtifact>> = {
    tradeoff: { title: vscode.l10n.t('Trade-off'), icon: 'graph-scatter', command: 'openTradeoff' },
    'token-heatmap': { title: vscode.l10n.t('Token heatmap'), icon: 'symbol-color', command: 'openHeatmap' },
    importance: { title: vscode.l10n.t('Data importance'), icon: 'graph', command: 'openImportance' },
  };
  return Object.entries(shown).find(([name]) => name === kind)?.[1];
}
