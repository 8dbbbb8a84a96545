import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { isAlive, processIdentity } from '../../workers/process';
import { writeFileAtomic } from '../../files';
import { readText } from '../../read-text';

/** Clocks of machines and their disks differ by at most this many milliseconds. */
export const SAME_MOMENT = 10_000;

const record = z.object({
  /** The command line that was started. */
  command: z.string(),
  process: processIdentity.nullable(),
  /** Start time, in milliseconds since 1970. */
  started: z.number().optional(),
  /** The number of this start, from 1 on. */
  attempt: z.int().positive(),
  /** Exit code, once it has exited. */
  exitCode: z.number().nullable(),
});
/** A run's record of its program, kept in the run directory for the next worker in case this one is killed. */
export type ProgramRecord = z.infer<typeof record>;

/** Paths of the program's files in a run directory. */
export const programPaths = (runDir: string) => ({
  record: path.join(runDir, 'program.json'),
  /** A folder for whatever the program writes. */
  output: path.join(runDir, 'output'),
  parameters: path.join(runDir, 'parameters.json'),
});

/** Undefined before the first start, or if the file is invalid. */
export async function readProgram(runDir: string): Promise<ProgramRecord | undefined> {
  const text = await readText(programPaths(runDir).record).catch(() => 'null');
  try {
    return record.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export async function writeProgram(runDir: string, content: ProgramRecord): Promise<void> {
  await writeFileAtomic(programPaths(runDir).record, `${JSON.stringify(content, null, 2)}\n`);
}

export async function prepareFolders(runDir: string, parameters: unknown): Promise<void> {
  const paths = programPaths(runDir);
  await mkdir(paths.output, { recursive: true });
  await writeFileAtomic(paths.parameters, `${JSON.stringify(parameters, null, 2)}\n`);
}

/**
 * When the program of a killed attempt was started; undefined if its exit was recorded, or if the run directory is a
 * copy, so that file times mean nothing.
 */
export async function cutSince(runDir: string, { process, started }: ProgramRecord): Promise<number | undefined> {
  if (process === null || started === undefined) return undefined;
  const { mtimeMs } = await stat(programPaths(runDir).record);
  // By the clock of the disk, as for the files that the program wrote.
  return Math.abs(mtimeMs - started) < SAME_MOMENT ? mtimeMs : undefined;
}

/** Whether the program of an earlier attempt is still running. */
export const stillRuns = ({ process }: ProgramRecord): boolean => process !== null && isAlive(process, 0);
