import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { isAlive, processIdentity } from '../../workers/process';
import { writeFileAtomic } from '../../files';
import { readText } from '../../read-text';

/** Clocks of machines and of their disks differ by no more than this, milliseconds. */
export const SAME_MOMENT = 10_000;

const record = z.object({
  /** The command as it was started. */
  command: z.string(),
  process: processIdentity.nullable(),
  /** When it was started, milliseconds since 1970. */
  started: z.number().optional(),
  /** How often it was started. */
  attempt: z.int().positive(),
  /** Exit code, once it is over. */
  exitCode: z.number().nullable(),
});
/** What a run knows of its program; kept in the run directory, for a worker that comes after one that was killed. */
export type ProgramRecord = z.infer<typeof record>;

/** Where the program's things lie in a run directory. */
export const programPaths = (runDir: string) => ({
  record: path.join(runDir, 'program.json'),
  /** For whatever the program writes. */
  output: path.join(runDir, 'output'),
  parameters: path.join(runDir, 'parameters.json'),
});

/** Undefined before the first start. */
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
 * When the program of an attempt that was cut was started; undefined where the program's end was recorded, or the times of the
 * files say nothing, because the run directory is a copy.
 */
export async function cutSince(runDir: string, { process, started }: ProgramRecord): Promise<number | undefined> {
  if (process === null || started === undefined) return undefined;
  const { mtimeMs } = await stat(programPaths(runDir).record);
  // By the clock of the disk, as what the program wrote.
  return Math.abs(mtimeMs - started) < SAME_MOMENT ? mtimeMs : undefined;
}

/** Whether the program of an earlier attempt still runs. */
export const stillRuns = ({ process }: ProgramRecord): boolean => process !== null && isAlive(process, 0);
