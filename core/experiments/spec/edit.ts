import { applyEdits, modify, parse, parseTree, findNodeAtLocation, type JSONPath } from 'jsonc-parser';

/** Splits a dotted key such as `data.source`; numbers are array indices. */
export const keyPath = (key: string): JSONPath =>
  key.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** The value of a spec's text, as far as it parses; empty if it is not an object. */
export function valueOf(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = parse(text, [], { allowTrailingComma: true });
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Sets one value in a spec's text and keeps comments and layout. An undefined value removes the key. */
export function setSpecValue(text: string, key: string, value: unknown): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: text.includes('\r\n') ? '\r\n' : '\n' };
  return applyEdits(text, modify(text, keyPath(key), value, { formattingOptions }));
}

/** Where a key, or its nearest ancestor, is in the text: the range to underline. */
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
