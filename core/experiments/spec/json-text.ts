import * as l10n from '@vscode/l10n';
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

/** Whether a number reads as another one: whole numbers beyond 2^53 are rounded, and 1e400 is infinite. */
export function isInexact(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value)) return true;
  return /^-?\d+$/.test(literal) && BigInt(literal) !== BigInt(value);
}

/**
 * @throws UserError `spec.syntax` at the first syntax error, `spec.duplicate-key` for a key of which only one value would
 *   count, `spec.inexact-number` for a number that would be another one
 */
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
      l10n.t`${at(first?.offset ?? 0)}: not valid JSON: ${first ? wordsOf(printParseErrorCode(first.error)) : l10n.t('the file is empty')}.`,
      l10n.t('Correct the text there; comments and trailing commas are allowed.'),
    );
  requireOneMeaning(root, text, at);
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

/** Refuses what JSON reads as something else than what is written, without a word. */
function requireOneMeaning(node: Node, text: string, at: (offset: number) => string): void {
  if (node.type === 'number') {
    const literal = text.slice(node.offset, node.offset + node.length);
    if (isInexact(literal))
      throw new UserError(
        'spec.inexact-number',
        l10n.t`${at(node.offset)}: ${literal} would be read as ${Number(literal)}.`,
        l10n.t('Write a number that a double holds, or put it in quotes where a text will do.'),
      );
  }
  const keys = new Set<string>();
  for (const child of node.children ?? []) {
    if (child.type === 'property') {
      const key = child.children?.[0];
      const name = key?.value as string;
      if (keys.has(name))
        throw new UserError(
          'spec.duplicate-key',
          l10n.t`${at(child.offset)}: the key ${JSON.stringify(name)} stands here a second time.`,
          l10n.t('Delete one of them: only one would count.'),
        );
      keys.add(name);
    }
    requireOneMeaning(child, text, at);
  }
}
