import path from 'node:path';
import * as z from 'zod';
import { isNotFound, readText } from '../../read-text';
import { parseAs } from '../../experiments/run/status';
import { writeFileAtomic } from '../../files';

const VERSION = 2;

const job = {
  /** The name that only this job has. */
  name: z.string(),
  /** Its number; null until Slurm has said it. */
  job: z.string().nullable(),
};

const array = z.object({
  ...job,
  /** The trials of its tasks, by index. */
  tasks: z.record(z.string(), z.array(z.string())),
});
export type ArrayJob = z.output<typeof array>;

/** Before trials were jobs. */
const before = z.object({ v: z.literal(1), ...job });

const current = z.object({
  v: z.literal(VERSION),
  ...job,
  /** All trials of the run, done or not; empty if the run is one job. */
  trials: z.array(z.string()).default([]),
  /** The arrays whose tasks run the trials that were not done; the job itself then comes after them, and collects. */
  arrays: z.array(array).default([]),
});

/** The content of `job.json` in a run directory: the last job, or jobs, that were submitted for the run. */
export type JobFile = z.output<typeof current>;

const jobFile = z.union([current, before.transform((old): JobFile => ({ ...oneJob(old.name), job: old.job }))]);

const pathOf = (dir: string) => path.join(dir, 'job.json');

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readJob(dir: string): Promise<JobFile | undefined> {
  const text = await readText(pathOf(dir)).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseAs(jobFile, text, pathOf(dir), VERSION);
}

export const writeJob = (dir: string, content: JobFile) =>
  writeFileAtomic(pathOf(dir), `${JSON.stringify(content, undefined, 2)}\n`);

/** A run that is one job. */
export const oneJob = (name: string): JobFile => ({ v: VERSION, name, job: null, trials: [], arrays: [] });
