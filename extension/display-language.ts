import * as l10n from '@vscode/l10n';
import * as vscode from 'vscode';
import { LANGUAGE } from '../core/protocol/language';

/** Makes the texts of the core, where they are made in this process, those of VS Code's display language. */
export function useDisplayLanguage(): void {
  const { bundle } = vscode.l10n;
  if (bundle) l10n.config({ contents: bundle });
}

/** What tells a program that this window starts its language: English where the extension is in English. */
export function languageEnvironment(): Readonly<Record<string, string>> {
  const { uri } = vscode.l10n;
  return { [LANGUAGE]: uri?.scheme === 'file' ? uri.fsPath : '' };
}
