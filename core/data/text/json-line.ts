import { UserError } from '../../errors';

/** What to do with an array of objects if lines of objects are expected. */
export const UNWRAP = 'Write each element on its own line, for example with `jq -c ".[]"`.';

/** NaN and infinities as values, as Python's json module writes them. */
const NOT_A_NUMBER = /(?<=[[:,]\s*)-?(NaN|Infinity)(?=\s*[,\]}])/g;

/** Parses one line of JSON; errors name the place. @throws UserError `data.not-json` */
export function parseJsonLine(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const [what, hint] = whyNotJson(line);
    throw new UserError('data.not-json', `${where} ${what}.`, hint, { cause: error });
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

/** What is wrong with a line, as far as this can be determined, and what to do. */
function whyNotJson(line: string): readonly [what: string, hint: string] {
  const text = line.trim();
  const [bad] = text.match(NOT_A_NUMBER) ?? [];
  if (bad !== undefined && parses(text.replaceAll(NOT_A_NUMBER, 'null')))
    return [`has ${bad}, which is not JSON`, 'Write null instead, or leave out the key.'];
  if (text === '[' || text === '[{') return ['begins a JSON array of many lines', UNWRAP];
  if (text === '{')
    return ['begins a JSON object of many lines', 'Write each object on one line, for example with `jq -c`.'];
  if (text.endsWith(',') && parses(text.slice(0, -1)))
    return ['ends in a comma', 'Every line of a .jsonl file must be one complete JSON object, with nothing after it.'];
  if (/^\{\s*'/.test(text))
    return ["is a Python dict, not JSON: it uses single quotes (')", 'Write every line with `json.dumps`.'];
  if (text.startsWith('{') && !text.endsWith('}'))
    return [
      'is not complete JSON',
      'The file may have been cut off: every line of a .jsonl file must be one complete JSON object.',
    ];
  return ['is not JSON', 'Every line of a .jsonl file must be one complete JSON object.'];
}
