import * as l10n from '@vscode/l10n';
import { LANGUAGE } from './protocol/language';
import { shipped } from './shipped';

const NAME = /^[a-z]{2,8}(-[a-z0-9]{2,8})*$/;

/**
 * Makes the texts of this program those of a language. Called once, before the first text: a text is translated where it is
 * made, and what a worker writes into its run (why it ended, notes, labels of its results) stays in the worker's language,
 * whoever reads it.
 * @param name a language that Winnow has a bundle of (`de`, `pt-br`), or the absolute path of a bundle. English where it is
 *   empty, and where there is no such bundle or it cannot be read: nobody's work should end for its language
 */
export function useLanguage(name: string = process.env[LANGUAGE] ?? ''): void {
  const file = bundleOf(name);
  if (file === undefined) return;
  try {
    l10n.config({ fsPath: file });
  } catch {
    // English.
  }
}

function bundleOf(name: string): string | undefined {
  if (name.endsWith('.json')) return name;
  const language = name.toLowerCase();
  return NAME.test(language) ? shipped('extension', 'l10n', `bundle.l10n.${language}.json`) : undefined;
}
