import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { explainDiskError } from '../../files';
import { NO_WAIT } from '../../file-errors';

const LINE_FEED = 0x0a;

/** Length of the file up to and including its last line feed: what follows is a line that a kill cut short. */
function lengthOfWholeLines(file: number): number {
  const buffer = Buffer.alloc(64 * 1024);
  let end = fstatSync(file).size;
  while (end > 0) {
    const start = Math.max(0, end - buffer.length);
    const read = readSync(file, buffer, 0, end - start, start);
    const at = buffer.subarray(0, read).lastIndexOf(LINE_FEED);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/**
 * A file that grows by whole lines, one system call each. The number of the open file never leaves this class and is
 * forgotten when it is closed: the system gives a number that is free to the next file, and a line that came late would
 * be written into that one.
 */
export class AppendFile {
  #file: number | undefined;
  #size: number;

  /**
   * Opens the file, creating it, and cuts a torn last line off.
   * @throws UserError `disk.*`
   */
  constructor(readonly path: string) {
    let file: number | undefined;
    try {
      file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | NO_WAIT, 0o666);
      if (!fstatSync(file).isFile()) throw notAFile(path);
      this.#size = lengthOfWholeLines(file);
      ftruncateSync(file, this.#size);
      this.#file = file;
    } catch (error) {
      if (file !== undefined) closeSync(file);
      throw explainDiskError(error, path);
    }
  }

  /** Whether somebody deleted the file: what is written would be gone with it. */
  get isDeleted(): boolean {
    return fstatSync(this.#open()).nlink === 0;
  }

  /**
   * Adds whole lines: all of them or nothing.
   * @throws UserError `disk.*`, `file.closed` after `close`
   */
  append(lines: Uint8Array): void {
    const file = this.#open();
    let written = 0;
    try {
      while (written < lines.length) written += writeSync(file, lines, written);
      this.#size += lines.length;
    } catch (error) {
      // A disk that filled up in the middle must not leave half a line before the next one.
      if (fstatSync(file).size === this.#size + written) ftruncateSync(file, this.#size);
      throw explainDiskError(error, this.path);
    }
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }

  #open(): number {
    if (this.#file !== undefined) return this.#file;
    throw new UserError('file.closed', l10n.t`${this.path} is closed: nothing more is written to it.`);
  }
}

const notAFile = (path: string) =>
  new UserError(
    'disk.not-a-file',
    l10n.t`${path} is not a file.`,
    l10n.t('Something else is in its place: move it away.'),
  );
