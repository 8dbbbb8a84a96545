import { applyEdits, modify, parse, parseTree, findNodeAtLocation, type JSONPath } from 'jsonc-parser';

/** `data.source` as the path of a key; numbers are places in arrays. */
export const keyPath = (key: string): JSONPath =>
  key.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** What a spec's text says, as far as it can be read: nothing where it is no object. */
export function valueOf(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = parse(text, [], { allowTrailingComma: true });
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** A spec's text with one value set, its comments and layout kept. An undefined value takes the key away. */
export function setSpecValue(text: string, key: string, value: unknown): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: text.includes('\r\n') ? '\r\n' : '\n' };
  return applyEdits(text, modify(text, keyPath(key), value, { formattingOptions }));
}

/** Where a key, or the nearest key above it, stands in a text: what a squiggle goes under. */
export function placeOf(text: string, key: string): { offset: number; length: number } {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const path = keyPath(key);
  while (root && path.length > 0) {
    const node = findNodeAtLocation(root, path);
    const property = node?.parent?.type === 'property' ? node.parent.children?.[0] : node;
    if (property) return { offset: property.offset, length: property.length };
    path.pop();
  }
  const method = root && findNodeAtLocation(root, ['method']);
  return method ? { offset: method.offset, length: method.length } : { offset: 0, length: Math.min(1, text.length) };
}
