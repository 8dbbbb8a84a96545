import * as l10n from '@vscode/l10n';
import * as z from 'zod';

/** Version of the lines of `system.jsonl`. Readers skip and report lines of newer versions instead of guessing. */
export const SYSTEM_VERSION = 1;

const amount = z.number().nonnegative();

const gpuSample = z.object({
  /** As `nvidia-smi` counts, from 0. */
  index: z.int().nonnegative(),
  name: z.string(),
  /** Share of the last moments in which it computed, percent. */
  use: amount.optional(),
  /** In use by all its processes, and in total; bytes. */
  memory: amount.optional(),
  total: amount.optional(),
  /** Degrees Celsius. */
  temperature: z.number().optional(),
  /** Watts. */
  power: amount.optional(),
});

const systemSample = z.object({
  v: z.literal(SYSTEM_VERSION),
  /** Wall time, milliseconds since 1970. */
  time: z.number(),
  /** The attempt that wrote the line, from 1. */
  attempt: z.int().positive(),
  /** What the rates of this line are averages over: seconds since the sample before it. Absent in the first one of an attempt. */
  over: z.number().positive().optional(),
  cpu: z.object({
    /** Of the worker and everything that it started: percent of one core, so 250 is two and a half cores. */
    run: amount.optional(),
    /** Percent of all cores of the machine, from 0 to 100. */
    machine: amount.optional(),
  }),
  /** Bytes. */
  memory: z.object({
    /** In use by the worker and everything that it started; what they share counts once, where the system can tell. */
    run: amount.optional(),
    /** In use on the machine, without what the system can give back at once, such as its file cache. */
    used: amount.optional(),
    total: amount.optional(),
  }),
  disk: z.object({
    /** Free for this user, and in total, where the run directory is; bytes. */
    free: amount.optional(),
    total: amount.optional(),
    /** What the processes of the run read from disks and wrote to them, without what the system's cache had; bytes a second. */
    read: amount.optional(),
    written: amount.optional(),
  }),
  /** The GPUs that the run may use; absent where they were not asked. */
  gpus: z.array(gpuSample).optional(),
});

/** What the machine and a run on it used at a moment: a line of `system.jsonl`. What is unknown is absent, never 0. */
export type SystemSample = z.output<typeof systemSample>;
export type GpuSample = z.output<typeof gpuSample>;

/** One line of `system.jsonl`, including the line feed. */
export const encodeSample = (sample: SystemSample): string => `${JSON.stringify(sample)}\n`;

/** The sample on a line (without its line feed), or a sentence about why it is invalid. */
export function decodeSample(line: string): { entry: SystemSample } | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { problem: l10n.t('not JSON') };
  }
  const parsed = systemSample.safeParse(json);
  if (parsed.success) return { entry: parsed.data };
  if (typeof json === 'object' && json !== null && 'v' in json && json.v !== SYSTEM_VERSION)
    return { problem: l10n.t`version ${String(json.v)}; this Winnow reads version ${SYSTEM_VERSION}` };
  const issue = parsed.error.issues[0];
  return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
}
