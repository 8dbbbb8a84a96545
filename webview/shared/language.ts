import * as l10n from '@vscode/l10n';

/** Makes the panel's texts those of VS Code's language, whose bundle the host has put into the page. Before the first text. */
export function useLanguageOfPage(): void {
  const { texts } = document.body.dataset;
  if (texts !== undefined) l10n.config({ contents: texts });
}
