import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

export const emptyFile = (
  file: string,
  hint = l10n.t('The first line must name the columns; the other lines are samples.'),
) => new UserError('data.empty-file', l10n.t`${file} is empty.`, hint);

/** A row that does not fit the columns. */
export const badRow = (where: string, what: string, hint: string, cause?: unknown) =>
  new UserError('data.bad-row', `${where} ${what}.`, hint, { cause });

/** Columns with names that occur once: a name that occurs again would hide the first. @throws UserError `data.bad-row` */
export function requireDistinct(columns: readonly string[], file: string): readonly string[] {
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined)
    throw badRow(
      l10n.t`${file}, line 1,`,
      l10n.t`names the column ${JSON.stringify(twice)} twice`,
      l10n.t('Rename or remove one of them.'),
    );
  return columns;
}
