import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import { DATA_KINDS } from '../../../protocol/importance';
import type { SwiftLearnConfig } from '../config';
import { openImageTask, openTextTask } from './labeled-task';
import { openLanguageTask } from './language-task';
import type { Task } from './task';

/** @throws UserError `swiftlearn.data` where the spec names no data, or several kinds of it */
export async function openTask(config: SwiftLearnConfig, baseDir: string): Promise<Task> {
  const { texts, images, language } = config;
  requireOneKind(config);
  if (texts) return under('texts', openTextTask(texts, baseDir, { log: () => undefined }));
  if (language) return under('language', openLanguageTask(language, baseDir));
  return under('images', openImageTask(images!, baseDir));
}

/** What reads data knows it as `data`; here it is a part of a part, and so are the keys that its errors would have changed. */
async function under(part: (typeof DATA_KINDS)[number], task: Promise<Task>): Promise<Task> {
  try {
    return await task;
  } catch (error) {
    if (!(error instanceof UserError) || error.fixes.length === 0) throw error;
    const keys = [...new Set(error.fixes.map(({ key }) => key))].filter((key) => key.startsWith('data.'));
    const inside = (text: string) => keys.reduce((all, key) => all.replace(key, `${part}.${key}`), text);
    const fixes = error.fixes.map(({ title, key, value }) => ({ title: inside(title), key: inside(key), value }));
    throw new UserError(error.code, error.message, inside(error.hint), { cause: error, fixes });
  }
}

export function requireOneKind(config: SwiftLearnConfig): void {
  const named = DATA_KINDS.filter((kind) => config[kind] !== undefined);
  if (named.length === 1) return;
  if (named.length > 1)
    throw new UserError(
      'swiftlearn.data',
      l10n.t`The spec names ${named.join(` ${l10n.t('and')} `)}.`,
      l10n.t('Keep one of them.'),
    );
  throw new UserError(
    'swiftlearn.data',
    l10n.t('The spec names neither texts nor images nor language.'),
    l10n.t(
      'Add "texts": { "encoder": "..." } for the embedded e-mails, "images": {} for the embedded digits, or "language": {} for the embedded language model and its text.',
    ),
  );
}
