import { isDeepStrictEqual } from 'node:util';
import { jsonMembers } from './json-members';

/**
 * JSON of `value`, in which everything that is unchanged from `original` is spelled as it is there: `1.0` stays `1.0`.
 * Python reads `1` as an int, and transformers refuses an int where its configuration class says float.
 *
 * @param original the text of a JSON object that `value` was made from, or any other
 */
export function stringifyLike(value: object, original: string | undefined): string {
  if (original !== undefined && isDeepStrictEqual(JSON.parse(original), value)) return original;
  return `${render(value, original?.trim(), '')}\n`;
}

function render(value: unknown, original: string | undefined, indent: string): string {
  if (original !== undefined && isDeepStrictEqual(JSON.parse(original), value)) return original;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${indent}`);
  }
  const before = new Map(original?.startsWith('{') ? jsonMembers(original) : []);
  const inner = `${indent}  `;
  const lines = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${inner}${JSON.stringify(name)}: ${render(member, before.get(name), inner)}`);
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`;
}
