import {
  findNodeAtLocation,
  parseTree,
  printParseErrorCode,
  getNodeValue,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import { UserError } from '../../errors';

/** A JSON document (comments and trailing commas allowed) that knows where in its text each value stands. */
export interface JsonText {
  readonly value: unknown;
  /** `file:line:column` of the value at a path, or of its nearest ancestor in the text. */
  locate(path: readonly PropertyKey[]): string;
}

const wordsOf = (code: string) => code.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trimStart();

/** @throws UserError `spec.syntax` at the first syntax error */
export function parseJsonText(content: string, file: string): JsonText {
  // Some editors on Windows begin a file with a byte order mark, which is no part of the JSON.
  const text = content.replace(/^\uFEFF/, '');
  const at = (offset: number) => {
    const before = text.slice(0, offset).split('\n');
    return `${file}:${before.length}:${before.at(-1)!.length + 1}`;
  };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first || !root)
    throw new UserError(
      'spec.syntax',
      `${at(first?.offset ?? 0)}: not valid JSON: ${first ? wordsOf(printParseErrorCode(first.error)) : 'the file is empty'}.`,
      'Correct the text there; comments and trailing commas are allowed.',
    );
  return {
    value: getNodeValue(root),
    locate(path) {
      let node: Node = root;
      for (const segment of path) {
        const child = findNodeAtLocation(node, [typeof segment === 'symbol' ? String(segment) : segment]);
        if (!child) break;
        node = child;
      }
      // A property's value may be long; its key is where the eye looks.
      return at(node.parent?.type === 'property' ? node.parent.offset : node.offset);
    },
  };
}
