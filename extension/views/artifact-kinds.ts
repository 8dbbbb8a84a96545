import * as vscode from 'vscode';
import type { CommandName } from '../registry';
import type { ShownKind } from '../run-artifacts';

/** How the tree shows an artifact that has a panel. */
export interface ShownArtifact {
  readonly title: string;
  readonly icon: string;
  /** The command that opens its panel. */
  readonly command: CommandName;
}

/** The presentation of a kind of artifact; undefined for a plain file. */
export function shownArtifact(kind: string | undefined): ShownArtifact | undefined {
  const shown: Readonly<Record<ShownKind, ShownArtifact>> = {
    tradeoff: { title: vscode.l10n.t('Trade-off'), icon: 'graph-scatter', command: 'openTradeoff' },
    'token-heatmap': { title: vscode.l10n.t('Token heatmap'), icon: 'symbol-color', command: 'openHeatmap' },
    importance: { title: vscode.l10n.t('Data importance'), icon: 'graph', command: 'openImportance' },
  };
  return Object.entries(shown).find(([name]) => name === kind)?.[1];
}
