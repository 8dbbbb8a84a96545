import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { explainDiskError } from '../../files';
import { isNoFile, isNotFound, readText } from '../../read-text';
import { processIdentity, type ProcessIdentity } from '../../workers/process';

/** An empty lock file is about to be written by its creator, unless it is older than this, milliseconds. */
const HALF_MADE = 5_000;

const lockFile = z.object({ holder: processIdentity.nullable() });

const nameOf = (attempt: number) => `worker-${attempt}.lock`;
const attemptOf = (name: string) => Number(/^worker-(\d+)\.lock$/.exec(name)?.[1] ?? 0);

/** Path and content of an attempt's lock file. */
export const lockPath = (dir: string, attempt: number) => path.join(dir, nameOf(attempt));
export const lockText = (holder: ProcessIdentity | null) =>
  JSON.stringify({ holder } satisfies z.output<typeof lockFile>);

/** The newest attempt among the names in a run directory; 0 before the first. */
export const newestOf = (names: readonly string[]): number => Math.max(0, ...names.map(attemptOf));

/** The attempts that have lock files in a run directory, oldest first. @throws UserError `disk.*` */
export async function attemptsIn(dir: string): Promise<number[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    throw explainDiskError(error, lockPath(dir, 1));
  });
  return names
    .map(attemptOf)
    .filter((attempt) => attempt > 0)
    .sort((a, b) => a - b);
}

/**
 * Who holds a lock file: nobody (released), a process that is about to write its identity, or a process. Undefined if the
 * file is truncated, was edited by hand, or was just removed by the holder of a newer one.
 * @throws UserError `file.*`
 */
export async function readHolder(
  dir: string,
  attempt: number,
): Promise<ProcessIdentity | 'released' | 'starting' | undefined> {
  const file = lockPath(dir, attempt);
  try {
    const text = await readText(file);
    if (text === '') return (await isYoung(file)) ? 'starting' : undefined;
    const parsed = lockFile.safeParse(JSON.parse(text)).data;
    return parsed && (parsed.holder ?? 'released');
  } catch (error) {
    if (error instanceof SyntaxError || isNotFound(error) || isNoFile(error)) return undefined;
    throw error;
  }
}

const isYoung = (file: string) =>
  stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs < HALF_MADE,
    () => false,
  );
