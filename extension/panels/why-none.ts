import * as vscode from 'vscode';
import { isResumable, isUnderway, runStateName, type RunRow } from '../../core/protocol/runs';
import type { ShownKind } from '../run-artifacts';
import type { Sources } from './panel';

/** What a panel says where there is nothing to show. */
export interface Absence {
  /** What there would be: `token heatmap`. */
  readonly what: string;
  /** When the first is to be expected of a run that goes on. */
  readonly soon: string;
}

/** Why a run has nothing for a panel, and what would change that. */
export async function whyNone(
  { methods, artifacts }: Pick<Sources, 'methods' | 'artifacts'>,
  row: RunRow | undefined,
  kind: ShownKind,
  { what, soon }: Absence,
): Promise<string> {
  if (!row) return vscode.l10n.t('The run does not exist anymore: it was deleted or moved.');
  const makes = methods.artifactsOf(row.method).some((declared) => declared.kind === kind);
  if (!makes)
    return vscode.l10n.t('Runs of {0} have no {1}; runs of {2} do.', row.method, what, methods.makersOf(kind));
  if (!(await artifacts.expects(row, kind))) return vscode.l10n.t('The settings of this run turn its {0} off.', what);
  if (isUnderway(row.state)) return soon;
  if (isResumable(row.state))
    return vscode.l10n.t(
      'The run is {0} and has not gotten far enough for its {1}. Resume it to continue.',
      runStateName(row.state),
      what,
    );
  return vscode.l10n.t('The run is done and has no {0}.', what);
}
