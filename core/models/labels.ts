import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';

/**
 * Class names of a Hugging Face `config.json`, by index; as in transformers, two classes if it names none.
 * @throws UserError `model.config` if id2label has a gap
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

/** transformers' name for an unnamed class. */
export const plainLabel = (index: number): string => `LABEL_${index}`;
