import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { isPacked, packedFile, requireDataFile } from '../data-file';
import { listFilesIn } from '../list-files';
import { explainReadError } from '../read-error';
import { UserError } from '../../errors';
import type { TextDataConfig } from './config';
import type { TextDocument } from './document';
import { READERS } from './document-readers';
import { readSotu } from './sotu';

/** A stream of documents that is the same each time it is read. */
export interface Corpus {
  /** Documents that hold more than white space, in a fixed order, one at a time. */
  documents(): AsyncIterable<TextDocument>;
  /** SHA-256 of all that decides the documents: names, contents, the text key. Reads the whole corpus once. */
  fingerprint(): Promise<string>;
}

const EMBEDDED = 'embedded:';

/**
 * Opens a corpus; nothing but names is read before `documents` or `fingerprint` is asked for.
 *
 * @param baseDir what a relative source is relative to
 * @throws UserError `data.unknown-source`, `data.not-found`, `data.unreadable`; while reading also `data.empty-corpus`,
 *   `data.not-utf8`, `data.not-json`, `data.no-text`, `data.document-too-large` and the Parquet reader's
 */
export async function openCorpus(spec: Pick<TextDataConfig, 'source' | 'textKey'>, baseDir: string): Promise<Corpus> {
  if (spec.source === 'embedded:sotu') return embeddedCorpus();
  if (spec.source.startsWith(EMBEDDED)) {
    throw new UserError(
      'data.unknown-source',
      l10n.t`There is no embedded corpus ${JSON.stringify(spec.source)}.`,
      l10n.t("The embedded corpus is 'embedded:sotu'; anything else is a path."),
    );
  }
  return fileCorpus(await listFiles(path.resolve(baseDir, spec.source)), spec);
}

function embeddedCorpus(): Corpus {
  return {
    async *documents() {
      // The package parses its 11 MB of files at once; a copy of the list would be the only gain of streaming it.
      await Promise.resolve();
      yield* readSotu();
    },
    fingerprint() {
      const hash = createHash('sha256');
      for (const { id, text } of readSotu()) hash.update(JSON.stringify([id, text]));
      return Promise.resolve(hash.digest('hex'));
    },
  };
}

interface SourceFile {
  /** Path relative to the source, with `/` on every system. */
  readonly id: string;
  readonly path: string;
}

async function listFiles(source: string): Promise<SourceFile[]> {
  const endings = Object.keys(READERS);
  const kinds = endings.join(', ');
  const entry = await stat(source).catch((error: unknown) => {
    throw explainReadError(error, source);
  });
  if (!entry.isDirectory()) {
    await requireDataFile(source, 'bytes');
    if (readerOf(source) !== undefined) return [{ id: path.basename(source), path: source }];
    throw new UserError(
      'data.unknown-source',
      l10n.t`${source} is not a text file that Winnow can read.`,
      source.toLowerCase().endsWith('.json')
        ? l10n.t('Write one JSON object on each line of a .jsonl file, for example with `jq -c ".[]"`.')
        : l10n.t`Winnow reads ${kinds}.`,
    );
  }
  const isKnown = (name: string) => readerOf(name) !== undefined;
  const found = await listFilesIn(source, (name) => isKnown(name) || isPacked(name, endings), { recursive: true });
  const files = found
    .map((file) => ({ id: path.relative(source, file).split(path.sep).join('/'), path: file }))
    .filter(({ id }) => !id.split('/').some((part) => part.startsWith('.')))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const packed = files.find(({ path: file }) => isPacked(file, endings));
  if (packed !== undefined) throw packedFile(packed.path);
  if (files.length === 0) throw emptyCorpus(source, l10n.t`Put ${kinds} files into it.`);
  return files;
}

const readerOf = (file: string) => READERS[path.extname(file).toLowerCase()];

const emptyCorpus = (source: string, hint: string) =>
  new UserError('data.empty-corpus', l10n.t`${source} holds no text.`, hint);

function fileCorpus(
  files: readonly SourceFile[],
  { source, textKey }: Pick<TextDataConfig, 'source' | 'textKey'>,
): Corpus {
  let fingerprint: Promise<string> | undefined;
  return {
    async *documents() {
      let isEmpty = true;
      for (const file of files) {
        try {
          for await (const document of readerOf(file.path)?.(file.path, { id: file.id, textKey }) ?? []) {
            if (document.text.trim() === '') continue;
            isEmpty = false;
            yield document;
          }
        } catch (error) {
          throw explainReadError(error, file.path);
        }
      }
      if (isEmpty) throw emptyCorpus(source, l10n.t('All its documents are blank.'));
    },
    fingerprint() {
      fingerprint ??= fingerprintFiles(files, textKey);
      return fingerprint;
    },
  };
}

async function fingerprintFiles(files: readonly SourceFile[], textKey: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(['winnow-text-1', textKey]));
  for (const file of files) {
    const content = createHash('sha256');
    try {
      for await (const chunk of createReadStream(file.path) as AsyncIterable<Buffer>) content.update(chunk);
    } catch (error) {
      throw explainReadError(error, file.path);
    }
    hash.update(JSON.stringify([file.id, content.digest('hex')]));
  }
  return hash.digest('hex');
}
