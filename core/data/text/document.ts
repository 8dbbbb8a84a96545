import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/** One text with a name that is the same on every machine. */
export interface TextDocument {
  /** `path`, `path:line` (from 1) or `path:row` (from 0), relative to the source; unique in its corpus. */
  readonly id: string;
  readonly text: string;
}

/** A document is one string in memory, and JavaScript strings end near 512 MiB. */
export const MAX_DOCUMENT_BYTES = 256 * 2 ** 20;

export const tooLarge = (where: string) =>
  new UserError(
    'data.document-too-large',
    l10n.t`${where} is longer than ${MAX_DOCUMENT_BYTES / 2 ** 20} MiB, the maximum for one document.`,
    l10n.t('Split it into several files, or into lines of a .jsonl file.'),
  );

/** @throws UserError `data.not-utf8` */
export function decodeUtf8(bytes: Uint8Array, where: () => string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UserError(
      'data.not-utf8',
      l10n.t`${where()} is not UTF-8 text.`,
      l10n.t('Convert it first, for example with `iconv -f windows-1252 -t utf-8` if it is Western European text.'),
      { cause: error },
    );
  }
}
