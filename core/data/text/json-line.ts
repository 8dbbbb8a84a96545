import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/** What to do with an array of objects where lines of objects are wanted. */
export const unwrap = () => l10n.t('Write each element on its own line, for example with `jq -c ".[]"`.');

/** NaN and infinities, as Python's json module writes them, where a value stands. */
const NOT_A_NUMBER = /(?<=[[:,]\s*)-?(NaN|Infinity)(?=\s*[,\]}])/g;

/** Parses one line of JSON; the error names the place. @throws UserError `data.not-json` */
export function parseJsonLine(line: string, where: () => string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const [what, hint] = whyNotJson(line);
    throw new UserError('data.not-json', `${where()} ${what}.`, hint, { cause: error });
  }
}

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What is wrong with a line, as far as it can be told, and what to do. */
function whyNotJson(line: string): readonly [what: string, hint: string] {
  const text = line.trim();
  const [bad] = text.match(NOT_A_NUMBER) ?? [];
  if (bad !== undefined && parses(text.replaceAll(NOT_A_NUMBER, 'null')))
    return [l10n.t`has ${bad}, which is not JSON`, l10n.t('Write null instead, or leave out the key.')];
  if (text === '[' || text === '[{') return [l10n.t('begins a JSON array of many lines'), unwrap()];
  if (text === '{')
    return [
      l10n.t('begins a JSON object of many lines'),
      l10n.t('Write each object on one line, for example with `jq -c`.'),
    ];
  if (text.endsWith(',') && parses(text.slice(0, -1)))
    return [
      l10n.t('ends in a comma'),
      l10n.t('Every line of a .jsonl file must be one complete JSON object, with nothing after it.'),
    ];
  if (/^\{\s*'/.test(text))
    return [
      l10n.t("is a Python dict, not JSON: it uses single quotes (')"),
      l10n.t('Write every line with `json.dumps`.'),
    ];
  if (text.startsWith('{') && !text.endsWith('}'))
    return [
      l10n.t('is not complete JSON'),
      l10n.t('The file may have been cut off: every line of a .jsonl file must be one complete JSON object.'),
    ];
  return [l10n.t('is not JSON'), l10n.t('Every line of a .jsonl file must be one complete JSON object.')];
}
