import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';

/**
 * Names of the classes of a Hugging Face `config.json`, by their index; transformers takes two where it names none.
 * @throws UserError `model.config` when id2label has a gap
 */
export function labelsOf(
  id2label: Readonly<Record<string, string>> | null | undefined,
  count?: number | null,
): string[] {
  if (!id2label) return Array.from({ length: count ?? 2 }, (_, i) => plainLabel(i));
  const ids = Object.keys(id2label)
    .map(Number)
    .sort((a, b) => a - b);
  if (ids.some((id, i) => id !== i))
    throw new UserError(
      'model.config',
      l10n.t('config.json: id2label must number the classes from 0 without gaps.'),
      l10n.t('Check id2label.'),
    );
  return ids.map((id) => id2label[id]!);
}

/** What transformers calls a class that nobody named. */
export const plainLabel = (index: number): string => `LABEL_${index}`;
