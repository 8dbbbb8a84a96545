import * as vscode from 'vscode';
import type { Fetches } from '../core/compute/fetch-rule';

/** Which checkpoints are fetched by themselves, in words. */
export const describeFetches = (): Readonly<Record<Fetches, { readonly label: string; readonly detail: string }>> => ({
  asked: {
    label: vscode.l10n.t('Only those that I ask for'),
    detail: vscode.l10n.t('A click on a checkpoint fetches it'),
  },
  best: {
    label: vscode.l10n.t('The best'),
    detail: vscode.l10n.t('By the metric that the run shows first, as its checkpoints record it'),
  },
  last: {
    label: vscode.l10n.t('The last'),
    detail: vscode.l10n.t('Those of the last step'),
  },
  models: {
    label: vscode.l10n.t('All models'),
    detail: vscode.l10n.t('Without the state that training resumes from'),
  },
  all: {
    label: vscode.l10n.t('All checkpoints'),
    detail: vscode.l10n.t('With the state that training resumes from'),
  },
});
