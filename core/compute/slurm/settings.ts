import * as z from 'zod';

const text = z
  .string()
  .min(1)
  .regex(/^[^\n\r\0]*$/);

/** What jobs ask for: the options of sbatch(1) of these names. */
export const slurmSettings = z.strictObject({
  partition: text.optional(),
  account: text.optional(),
  qos: text.optional(),
  /** GPUs: `gpu:1`. */
  gres: text.optional(),
  cpus: z.int().positive().optional(),
  /** `16G`. */
  memory: text.optional(),
  /** `04:00:00`. Without it, the partition's default. */
  time: text.optional(),
  /** Further options, as one writes them: `--constraint=a100`. */
  options: z.array(text).default([]),
  /**
   * The trials of a comparison are jobs of their own, and this many of them run at once. Without it, a run is one job that runs its
   * trials one after another.
   */
  concurrent: z.int().positive().max(100_000).optional(),
  /** How many trials a job runs one after another, where no other trial waits for one of them. */
  trialsPerJob: z.int().positive().max(100_000).default(1),
  /** How long before the time limit a run saves a checkpoint and goes back to the queue, seconds. */
  warning: z.int().min(10).max(3600).default(120),
  /** How long the files of a job that has ended may take to be seen on this node, seconds. */
  grace: z.number().nonnegative().max(3600).default(60),
});
export type SlurmSettings = z.output<typeof slurmSettings>;
