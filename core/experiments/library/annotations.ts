import { open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { systemCode, UserError } from '../../errors';
import { explainDiskError, remove, writeFileAtomic } from '../../files';
import { isNotFound, readText } from '../../read-text';
import { isGone } from '../run/directory';
import { parseAs } from '../run/status';

const text = z.string().trim();

/** `annotations.json`: what people said about a run after it was made; `run.json` never changes. */
const annotations = z.object({
  v: z.literal(1),
  /** In place of the spec's name. */
  name: text.min(1).max(200).optional(),
  notes: text.max(100_000).optional(),
  /** In place of the spec's tags. */
  tags: z.array(text.min(1).max(100)).optional(),
  starred: z.boolean().optional(),
});
export type Annotations = Omit<z.output<typeof annotations>, 'v'>;

/** A field set to null goes back to what the spec says. */
export type AnnotationChange = { readonly [Key in keyof Annotations]?: Annotations[Key] | null };

export const ANNOTATIONS_FILE = 'annotations.json';
const fileIn = (dir: string) => path.join(dir, ANNOTATIONS_FILE);

/** A run without the file has no annotations. @throws UserError `run.unreadable`, `file.*` */
export async function readAnnotations(dir: string): Promise<Annotations> {
  const file = fileIn(dir);
  const content = await readText(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (content === undefined) return {};
  try {
    return fieldsOf(parseAs(annotations, content, file));
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'run.unreadable') throw error;
    const hint = l10n.t('Delete the file to start over; it holds the name, note, tags and star of the run.');
    throw new UserError(error.code, error.message, hint, { cause: error });
  }
}

/** While one process changes the annotations of a run, others wait; a lock older than this was left by a crash, milliseconds. */
const ABANDONED = 5_000;
const RETRY = 5;

/**
 * Changes the named fields and keeps the others, whoever else changes them at the same time.
 * @param change the fields, or what makes them out of those that are there
 * @throws UserError `run.not-found`, `annotation.invalid`, `run.unreadable`, `disk.*`
 */
export async function annotate(
  dir: string,
  change: AnnotationChange | ((now: Annotations) => AnnotationChange),
): Promise<Annotations> {
  const unlock = await lock(dir);
  try {
    const now = await readAnnotations(dir);
    return await write(dir, now, typeof change === 'function' ? change(now) : change);
  } finally {
    await unlock();
  }
}

/** The window and the command line are different processes: a file that only one can make keeps them apart. */
async function lock(dir: string): Promise<() => Promise<void>> {
  const file = path.join(dir, '.annotations.lock');
  for (;;) {
    if (isGone(dir))
      throw new UserError(
        'run.not-found',
        l10n.t`There is no run in ${dir}.`,
        l10n.t('It was deleted or moved; refresh the list.'),
      );
    try {
      await (await open(file, 'wx')).close();
      return () => rm(file, { force: true });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw explainDiskError(error, fileIn(dir));
    }
    const made = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - made > ABANDONED) await remove(file);
    else await sleep(RETRY);
  }
}

async function write(dir: string, now: Annotations, change: AnnotationChange): Promise<Annotations> {
  const merged = { ...now, ...change };
  const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined));
  const parsed = annotations.safeParse({ v: 1, ...kept });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = String(issue?.path[0] ?? 'annotation');
    throw new UserError(
      'annotation.invalid',
      `${field}: ${issue?.message ?? l10n.t('not allowed')}.`,
      l10n.t('Change the text.'),
    );
  }
  const content = { ...parsed.data, ...(parsed.data.tags && { tags: [...new Set(parsed.data.tags)] }) };
  await writeFileAtomic(fileIn(dir), `${JSON.stringify(content, undefined, 2)}\n`);
  return fieldsOf(content);
}

function fieldsOf({ name, notes, tags, starred }: z.output<typeof annotations>): Annotations {
  return {
    ...(name !== undefined && { name }),
    ...(notes !== undefined && { notes }),
    ...(tags !== undefined && { tags }),
    ...(starred !== undefined && { starred }),
  };
}
