import path from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../../files';
import { isNotFound, readText } from '../../read-text';
import { parseAs } from './status';

const mirrorFile = z.object({
  v: z.literal(1),
  /** The compute target that the run is on. */
  target: z.string().min(1),
  /** Where the run is on the target, as the target writes it. */
  from: z.string(),
  /** When the target was last heard from, milliseconds since 1970. */
  heard: z.number(),
  /** A stamp of each copied artifact and checkpoint, to detect changes. */
  stamps: z.record(z.string(), z.string()),
  /**
   * The attempt after whose end the checkpoints were fetched that are fetched by themselves, and the stamps of those that were: what was deleted
   * here is not fetched again. A mirror of an earlier version has none, and fetches none.
   */
  settled: z.object({ attempt: z.number(), items: z.record(z.string(), z.string()) }).optional(),
});
/**
 * The content of `mirror.json`, which marks a run directory as the mirror of a run on another machine. Its status is what the
 * target last reported; no worker ever writes here.
 */
export type MirrorFile = z.output<typeof mirrorFile>;

export const mirrorPath = (dir: string) => path.join(dir, 'mirror.json');

/** Undefined if the run directory is not a mirror. @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readMirror(dir: string): Promise<MirrorFile | undefined> {
  const file = mirrorPath(dir);
  const text = await readText(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseAs(mirrorFile, text, file);
}

/** @throws UserError `disk.*` */
export const writeMirror = (dir: string, content: MirrorFile) =>
  writeFileAtomic(mirrorPath(dir), `${JSON.stringify(content, undefined, 2)}\n`);

/** Whether the checkpoints of this attempt that are fetched by themselves have not been. @param attempt that has ended */
export const isDue = ({ settled }: MirrorFile, attempt: number) => settled !== undefined && settled.attempt < attempt;
