import path from 'node:path';
import * as z from 'zod';
import { isNotFound, readText } from '../../read-text';
import { parseAs } from '../../experiments/run/status';
import { writeFileAtomic } from '../../files';

const jobFile = z.object({
  v: z.literal(1),
  /** The name that only this job has. */
  name: z.string(),
  /** Its number; null until Slurm has said it. */
  job: z.string().nullable(),
});
/** The content of `job.json` in a run directory: the last job that was submitted for the run. */
export type JobFile = z.output<typeof jobFile>;

const pathOf = (dir: string) => path.join(dir, 'job.json');

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readJob(dir: string): Promise<JobFile | undefined> {
  const text = await readText(pathOf(dir)).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseAs(jobFile, text, pathOf(dir));
}

export const writeJob = (dir: string, job: Omit<JobFile, 'v'>) =>
  writeFileAtomic(pathOf(dir), `${JSON.stringify({ v: 1, ...job }, undefined, 2)}\n`);
