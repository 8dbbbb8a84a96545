// The texts that translators translate: those that sources mark with `l10n.t`, and what methods are called.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { getL10nJson } from '@vscode/l10n-dev';
import { walk } from './bundles.mjs';

const BUNDLE = path.join('extension', 'l10n', 'bundle.l10n.json');
const SOURCES = ['core', 'extension', 'webview'];
/** Keys of `dist/methods.json` that hold texts for people: `extension/specs/read-methods.ts` translates them. */
const WORDS = new Set(['title', 'summary', 'label', 'detail', 'without', 'prompt', 'placeholder']);

function* wordsIn(value) {
  for (const [key, inner] of Object.entries(value))
    if (typeof inner === 'object' && inner !== null) yield* wordsIn(inner);
    else if (typeof inner === 'string' && WORDS.has(key)) yield inner;
}

/**
 * @param methods the content of `dist/methods.json`
 * @returns the text of the bundle, in the order of its keys, so that two branches that add texts seldom touch the same lines
 */
export async function englishBundle(root, methods) {
  const files = SOURCES.flatMap((folder) => walk(path.join(root, folder))).filter((file) => /\.tsx?$/.test(file));
  const found = await getL10nJson(
    files.map((file) => ({ extension: path.extname(file), contents: readFileSync(file, 'utf8') })),
  );
  for (const word of wordsIn(methods)) found[word] ??= word;
  const sorted = Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`;
}

/** Writes the bundle anew. @returns its path */
export async function writeBundle(root) {
  const methods = JSON.parse(readFileSync(path.join(root, 'dist', 'methods.json'), 'utf8'));
  writeFileSync(path.join(root, BUNDLE), await englishBundle(root, methods));
  return BUNDLE;
}
