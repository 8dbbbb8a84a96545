import * as l10n from '@vscode/l10n';
import { LANGUAGE } from './protocol/language';
import { messageOf } from './errors';
import { shipped } from './shipped';

const NAME = /^[a-z]{2,8}(-[a-z0-9]{2,8})*$/;

/**
 * Makes the texts of this program those of a language. Called once, before the first text: a text is translated where it is
 * made, and what a worker writes into its run (why it ended, notes, labels of its results) stays in the worker's language,
 * whoever reads it.
 * @param name a language that Winnow has a bundle of (`de`, `pt-br`), or the absolute path of a bundle. English if it is
 *   empty, and if there is no such bundle or it cannot be read: that must not stop any work
 * @returns what is wrong with the name or its bundle
 */
export function useLanguage(name: string = process.env[LANGUAGE] ?? ''): string | undefined {
  const file = bundleOf(name);
  if (file === undefined) return isEnglish(name) ? undefined : `${LANGUAGE}: there is no translation for "${name}".`;
  try {
    l10n.config({ fsPath: file });
    return undefined;
  } catch (error) {
    return `${LANGUAGE}: ${file} cannot be read: ${messageOf(error).replaceAll(/\s+/g, ' ')}.`;
  }
}

const isEnglish = (name: string) => /^(en([-_].*)?)?$/i.test(name);

function bundleOf(name: string): string | undefined {
  if (name.endsWith('.json')) return name;
  const language = name.toLowerCase();
  return NAME.test(language) ? shipped('extension', 'l10n', `bundle.l10n.${language}.json`) : undefined;
}
