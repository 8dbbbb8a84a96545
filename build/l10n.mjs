// The texts that translators translate: those that sources mark with `l10n.t`, and what methods are called.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { walk } from './bundles.mjs';

const BUNDLE = path.join('extension', 'l10n', 'bundle.l10n.json');
const SOURCES = ['core', 'extension', 'webview'];
/** Keys of `dist/methods.json` that hold texts for people: `extension/specs/read-methods.ts` translates them. */
const WORDS = new Set(['title', 'summary', 'label', 'detail', 'without', 'prompt', 'placeholder']);

/** `l10n.t`, or `vscode.l10n.t`. */
const isTranslate = (node) => ts.isPropertyAccessExpression(node) && /^(vscode\.)?l10n\.t$/.test(node.getText());

/** The message of a template, by the rule of `@vscode/l10n`: what is inserted has its number in braces. */
function messageOf(template) {
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text;
  const parts = [template.head.text, ...template.templateSpans.map(({ literal }) => literal.text)];
  if (parts.some((part) => /\{\d+\}/.test(part))) throw new Error('its own {0} would be replaced: pass it as a value');
  return parts.reduce((message, part, i) => `${message}{${i - 1}}${part}`);
}

/** `{ message, comment }`, as VS Code and `@vscode/l10n` name it in a bundle. */
function withComment(object) {
  const valueOf = (key) => object.properties.find(({ name }) => name?.getText() === key)?.initializer;
  const textsOf = (node) => (ts.isArrayLiteralExpression(node) ? [...node.elements] : [node]).map(({ text }) => text);
  const [[message], comment] = [textsOf(valueOf('message')), textsOf(valueOf('comment'))];
  return [`${message}/${comment.join('')}`, { message, comment }];
}

/** @returns the entry of the bundle for a call or a template; undefined for a text that only the running program knows */
function entryOf(node) {
  if (ts.isTaggedTemplateExpression(node) && isTranslate(node.tag)) {
    const message = messageOf(node.template);
    return [message, message];
  }
  if (!ts.isCallExpression(node) || !isTranslate(node.expression)) return undefined;
  const [first] = node.arguments;
  if (ts.isStringLiteralLike(first)) return [first.text, first.text];
  return ts.isObjectLiteralExpression(first) ? withComment(first) : undefined;
}

function* entriesIn(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const nodes = [source];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    try {
      const entry = entryOf(node);
      if (entry !== undefined) yield entry;
    } catch (error) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      throw new Error(`${file}:${line + 1}: ${error.message}`, { cause: error });
    }
    ts.forEachChild(node, (child) => void nodes.push(child));
  }
}

function* wordsIn(value) {
  for (const [key, inner] of Object.entries(value))
    if (typeof inner === 'object' && inner !== null) yield* wordsIn(inner);
    else if (typeof inner === 'string' && WORDS.has(key)) yield inner;
}

/**
 * @param methods the content of `dist/methods.json`
 * @returns the text of the bundle, in the order of its keys, so that two branches that add texts seldom touch the same lines
 * @throws Error that names the place of a text that cannot be translated
 */
export function englishBundle(root, methods) {
  const files = SOURCES.flatMap((folder) => walk(path.join(root, folder))).filter((file) => /\.tsx?$/.test(file));
  const words = [...wordsIn(methods)].map((word) => [word, word]);
  const entries = new Map([...files.flatMap((file) => [...entriesIn(file)]), ...words]);
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`;
}

/** Writes the bundle anew. @returns its path */
export function writeBundle(root) {
  const methods = JSON.parse(readFileSync(path.join(root, 'dist', 'methods.json'), 'utf8'));
  writeFileSync(path.join(root, BUNDLE), englishBundle(root, methods));
  return BUNDLE;
}
