import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { isPacked, packedFile } from '../data-file';
import { listFilesIn } from '../list-files';
import { explainReadError } from '../read-error';
import { endingOf, TABLE_ENDINGS } from './open-table';

/** The files of each part of a source. */
export interface PartFiles {
  readonly train: readonly string[];
  /** For evaluation. */
  readonly validation: readonly string[];
  /** A second evaluation part: MNLI's genres that are not in the training part. */
  readonly mismatched: readonly string[];
  /** Often without labels. */
  readonly test: readonly string[];
  /** Files beside these that belong to no part. */
  readonly others: readonly string[];
}

/** Names of files and folders, as GLUE and the hub have them: `dev_matched.tsv`, `validation-00000-of-00001.parquet`. */
const PARTS = {
  train: /^train(ing)?(?![a-z])/i,
  validation: /^(dev|val|valid|validation|eval)(?![a-z])/i,
  test: /^test(?![a-z])/i,
} as const;
type Part = keyof typeof PARTS;

const MISMATCHED = /mismatched/i;

/**
 * Finds the files of a source and what part each is. A single file, or files without names of parts, are to train on.
 * @throws UserError `data.not-found`, `data.unreadable`, `data.no-texts`, `data.several-sources`
 */
export async function findParts(source: string): Promise<PartFiles> {
  const none = { validation: [], mismatched: [], test: [], others: [] };
  const entry = await stat(source).catch((error: unknown) => {
    throw explainReadError(error, source);
  });
  if (!entry.isDirectory()) return { ...none, train: [source] };
  const files = await tablesIn(source);
  const kinds = [...new Set(files.map(endingOf))];
  if (kinds.length > 1)
    throw new UserError(
      'data.several-sources',
      l10n.t`${source} holds files of several kinds: ${kinds.join(', ')}.`,
      l10n.t('Set the source to one file, or keep only files of one kind in the folder.'),
    );
  const of = (part: Part) => files.filter((file) => partOf(file, source) === part);
  const train = of('train');
  if (train.length === 0) return { ...none, train: files };
  const validation = of('validation');
  const isMismatched = (file: string) => MISMATCHED.test(path.basename(file));
  return {
    train,
    validation: validation.filter((file) => !isMismatched(file)),
    mismatched: validation.filter(isMismatched),
    test: of('test').filter((file) => !isMismatched(file)),
    others: files.filter((file) => partOf(file, source) === undefined),
  };
}

/** By the name of the file, or else by that of the folder inside the source. */
function partOf(file: string, source: string): Part | undefined {
  const folder = path.dirname(file);
  const names = folder === source ? [path.basename(file)] : [path.basename(file), path.basename(folder)];
  for (const name of names)
    for (const part of ['train', 'validation', 'test'] as const) if (PARTS[part].test(name)) return part;
  return undefined;
}

/** The tables of a folder; where it has none itself, those of its parts, or of the only folder in it that has some. */
async function tablesIn(source: string): Promise<string[]> {
  const entries = await readdir(source, { withFileTypes: true }).catch((error: unknown) => {
    throw explainReadError(error, source);
  });
  const own = await tablesOf(source);
  if (own.length > 0) return own;
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => path.join(source, entry.name))
    .sort();
  const inside = await Promise.all(folders.map(tablesOf));
  const filled = folders.filter((_, i) => inside[i]!.length > 0);
  const isPart = (folder: string) => Object.values(PARTS).some((pattern) => pattern.test(path.basename(folder)));
  if (filled.length > 1 && !filled.every(isPart))
    throw new UserError(
      'data.several-sources',
      l10n.t`${source} holds several sets of texts: ${filled.map((folder) => path.basename(folder)).join(', ')}.`,
      l10n.t('Set the source to one of these folders.'),
    );
  if (filled.length === 0)
    throw new UserError(
      'data.no-texts',
      l10n.t`${source} holds no labeled texts.`,
      l10n.t`Put ${TABLE_ENDINGS.join(', ')} files into it.`,
    );
  return inside.flat();
}

/** @throws UserError `data.compressed` where a table in it is packed */
async function tablesOf(folder: string): Promise<string[]> {
  const isTable = (name: string) => !name.startsWith('.') && TABLE_ENDINGS.includes(endingOf(name));
  const files = await listFilesIn(folder, (name) => isTable(name) || isPacked(name, TABLE_ENDINGS));
  const packed = files.find((file) => isPacked(file, TABLE_ENDINGS));
  if (packed !== undefined) throw packedFile(packed);
  return files.sort();
}
