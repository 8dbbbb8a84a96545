import { stat, type Stats } from 'node:fs';
import path from 'node:path';
import { runPaths } from '../run/directory';
import { ANNOTATIONS_FILE } from './annotations';

/**
 * A file that changed this recently may change again without a new time: clocks of file systems have steps of up to two
 * seconds; milliseconds.
 */
const TIME_RESOLUTION = 2_000;

/** Matches nothing, itself included: whoever compares with it reads the run again. */
export const NO_STAMP = '';

/**
 * Tells without reading them whether the files have changed that decide how a run is listed. It has the time of the last change
 * of each, which programs that copy files cannot set, and which file it is: a run that was copied over another one, with old times
 * and the same sizes, has another stamp. `NO_STAMP` for files that have changed so recently that a stamp proves nothing.
 *
 * With callbacks, since ten thousand runs have forty thousand files: promises take three times as long.
 */
export function stampOf(dir: string): Promise<string> {
  const paths = runPaths(dir);
  const files = [paths.record, paths.status, paths.events, path.join(dir, ANNOTATIONS_FILE)];
  return new Promise((resolve) => {
    const parts: string[] = [];
    let missing = files.length;
    let newest = 0;
    files.forEach((file, index) => {
      stat(file, (error, found) => {
        parts[index] = error ? '-' : partOf(found);
        if (!error) newest = Math.max(newest, found.mtimeMs, found.ctimeMs);
        if (--missing > 0) return;
        resolve(Date.now() - newest > TIME_RESOLUTION ? parts.join(' ') : NO_STAMP);
      });
    });
  });
}

const partOf = ({ size, mtimeMs, ctimeMs, ino }: Stats) => `${size}:${mtimeMs}:${ctimeMs}:${ino}`;

/** Whether a stamp proves that a run is what it was when the other one was taken. */
export const sameStamp = (one: string, other: string): boolean => one !== NO_STAMP && one === other;
