import path from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../../files';
import { isNotFound, readText } from '../../read-text';
import { parseAs } from './status';

const mirrorFile = z.object({
  v: z.literal(1),
  /** The compute target that the run is on. */
  target: z.string().min(1),
  /** Where it is there, in the target's words. */
  from: z.string(),
  /** When the target was last heard of, milliseconds since 1970. */
  heard: z.number(),
  /** What is here of each artifact and checkpoint: tells a changed one from what was copied. */
  stamps: z.record(z.string(), z.string()),
});
/**
 * The content of `mirror.json`: the run directory is a mirror of one on another machine, where the run runs. What the
 * status says is what the target has said last; no worker ever writes here.
 */
export type MirrorFile = z.output<typeof mirrorFile>;

export const mirrorPath = (dir: string) => path.join(dir, 'mirror.json');

/** Undefined for a run directory that is no mirror. @throws UserError `run.unreadable`, `run.newer`, `file.*` */
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

/** In the folder of a checkpoint that a mirror knows of and has not fetched. */
export const NOT_FETCHED = '.not-fetched';
