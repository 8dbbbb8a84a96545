import path from 'node:path';
import * as z from 'zod';
import { contentOf, lookAt, type Look } from './foreign-files';

/** What `meta.json` records about a program's checkpoint files, which stay where the program wrote them. */
export const checkpointSource = z.object({
  /** Absolute; relative to the checkpoint's folder if the files are inside the run directory. */
  source: z.string(),
  /** State and content of the files when they were recorded as a checkpoint. */
  mark: z.string().optional(),
  written: z.number().optional(),
  content: z.object({ digest: z.string(), whole: z.boolean() }).optional(),
});
export type CheckpointSource = z.output<typeof checkpointSource>;

/** Whether the files are still those that were recorded: another run or program may have overwritten them. */
export type SourceState = 'unchanged' | 'changed' | 'missing';

/** The files of a checkpoint as they are now. */
export interface FoundSource {
  /** Absolute. */
  readonly path: string;
  readonly state: SourceState;
  readonly look: Look | undefined;
}

/**
 * @param folder the checkpoint's folder, which `source` is relative to
 * @param options.thorough compare the content even if sizes and times are unchanged: a file may be replaced within the
 *   resolution of the clock, or with its times preserved
 */
export async function findSource(
  recorded: CheckpointSource,
  folder: string,
  options: { readonly thorough: boolean },
): Promise<FoundSource> {
  const file = path.resolve(folder, recorded.source);
  const look = await lookAt(file);
  if (!look) return { path: file, state: 'missing', look };
  const same = await isSame(recorded, file, look, options.thorough);
  return { path: file, state: same ? 'unchanged' : 'changed', look };
}

async function isSame(recorded: CheckpointSource, file: string, look: Look, thorough: boolean): Promise<boolean> {
  // An older version, which did not record the state of the files, made this checkpoint.
  if (recorded.mark === undefined) return true;
  const alike = recorded.mark === look.mark;
  if (alike && !thorough) return true;
  // Nobody else writes into a run directory, but copying one changes the times.
  const inRun = !path.isAbsolute(recorded.source);
  if (!recorded.content) return alike || inRun;
  const now = await contentOf(file);
  if (now?.digest !== recorded.content.digest) return false;
  return alike || inRun || now.whole;
}
