import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import {
  checkpointSource,
  findSource,
  type CheckpointSource,
  type FoundSource,
} from '../../experiments/library/checkpoint-source';
import { contentOf, type Look } from '../../experiments/library/foreign-files';
import { writeFileAtomic } from '../../files';
import { isInside } from './metrics/found';

/** The part of a program checkpoint's `meta.json` that is read back. */
const pointer = checkpointSource.extend({ step: z.number() });

/** A folder in a run's `checkpoints/` that points to what its program wrote. */
export interface Pointer {
  /** The folder's name in `checkpoints/`. */
  readonly name: string;
  readonly recorded: CheckpointSource;
  readonly found: FoundSource;
}

const foldersOf = (runDir: string) => path.join(runDir, 'checkpoints');

/** The checkpoints that a run has recorded, and the present state of their files. */
export async function readPointers(runDir: string, options: { readonly thorough: boolean }): Promise<Pointer[]> {
  const folders = foldersOf(runDir);
  const pointers: Pointer[] = [];
  for (const name of await readdir(folders).catch(() => [])) {
    const text = await readFile(path.join(folders, name, 'meta.json'), 'utf8').catch(() => 'null');
    const recorded = pointer.safeParse(parsed(text)).data;
    if (!recorded) continue;
    pointers.push({ name, recorded, found: await findSource(recorded, path.join(folders, name), options) });
  }
  return pointers;
}

export const isUnchanged = async (runDir: string, name: string): Promise<boolean> =>
  (await readPointers(runDir, { thorough: true })).some((one) => one.name === name && one.found.state === 'unchanged');

/** Records files as a checkpoint of the run. @param source absolute path */
export async function writePointer(
  runDir: string,
  { name, source, look, step, metrics }: { name: string; source: string; look: Look; step: number; metrics: object },
): Promise<void> {
  const folder = path.join(foldersOf(runDir), name);
  await mkdir(folder, { recursive: true });
  const content = await contentOf(source);
  const meta = {
    kind: 'model',
    step,
    // Paths inside the run directory are relative, so that they move with it.
    source: isInside(source, runDir) ? path.relative(folder, source) : source,
    mark: look.mark,
    written: look.time,
    ...(content && { content }),
    metrics,
  };
  await writeFileAtomic(path.join(folder, 'meta.json'), `${JSON.stringify(meta, null, 2)}\n`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
