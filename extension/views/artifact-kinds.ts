import * as vscode from 'vscode';
import type { CommandName } from '../registry';

/** How an artifact that a panel shows looks in the tree. */
export interface ArtifactKind {
  readonly title: string;
  readonly icon: string;
  /** What opens its panel. */
  readonly command: CommandName;
}

/** By the kind that a method gave the artifact; undefined for a plain file. */
export function artifactKind(kind: string): ArtifactKind | undefined {
  switch (kind) {
    case 'tradeoff':
      return { title: vscode.l10n.t('Trade-off'), icon: 'graph-scatter', command: 'openTradeoff' };
    case 'drop-map':
      return { title: vscode.l10n.t('Token heatmap'), icon: 'symbol-color', command: 'openTokens' };
    case 'importance':
      return { title: vscode.l10n.t('Data importance'), icon: 'graph', command: 'openImportance' };
    default:
      return undefined;
  }
}
