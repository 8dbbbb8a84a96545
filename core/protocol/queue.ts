import * as z from 'zod';

/** A run in the queue of a machine. */
const queuedRun = z.object({
  id: z.string(),
  /** The run directory on that machine. */
  dir: z.string(),
  name: z.string(),
  /** What it computes on: `cuda`. */
  provider: z.string(),
  state: z.enum(['running', 'waiting']),
  /** Since when it runs or waits, milliseconds since 1970. */
  since: z.number(),
  /** What it waits for; empty if it does not. */
  reason: z.string(),
});
export type QueuedRun = z.output<typeof queuedRun>;

const queuePlace = z.object({
  /** `cpu`, `gpu`, or the id of a GPU of NVIDIA. */
  id: z.string(),
  name: z.string(),
  /** Runs at once; null for any number. */
  limit: z.number().nullable(),
  runs: z.array(queuedRun),
  /** Bytes, and shares from 0 to 1; null where they are not known. */
  load: z.object({
    used: z.number().nullable(),
    memory: z.number().nullable(),
    use: z.number().nullable(),
  }),
});
export type QueuePlace = z.output<typeof queuePlace>;

/** What runs on a machine, and what waits there, in order. */
export const queueView = z.object({
  limits: z.object({ cpu: z.number().nullable(), gpu: z.number() }),
  places: z.array(queuePlace),
  waiting: z.array(queuedRun),
});
export type QueueView = z.output<typeof queueView>;
