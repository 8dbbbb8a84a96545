import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { explainReadError } from '../checkpoint/byte-source';
import { systemCode, UserError } from '../errors';
import { writeFileAtomic } from '../files';
import { isGone } from './run-directory';
import { parseAs } from './status';

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
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw explainReadError(error, file);
  });
  if (content === undefined) return {};
  return fieldsOf(parseAs(annotations, content, file));
}

/** Changes of one process to one run wait for each other, so that none is lost. */
const waiting = new Map<string, Promise<unknown>>();

/**
 * Changes the named fields and keeps the others.
 * @throws UserError `run.not-found`, `annotation.invalid`, `run.unreadable`, `disk.*`
 */
export async function annotate(dir: string, change: AnnotationChange): Promise<Annotations> {
  const before = waiting.get(dir) ?? Promise.resolve();
  const mine = before.then(
    () => write(dir, change),
    () => write(dir, change),
  );
  waiting.set(dir, mine);
  try {
    return await mine;
  } finally {
    if (waiting.get(dir) === mine) waiting.delete(dir);
  }
}

async function write(dir: string, change: AnnotationChange): Promise<Annotations> {
  if (isGone(dir))
    throw new UserError('run.not-found', `There is no run in ${dir}.`, 'It was deleted or moved; refresh the list.');
  const merged = { ...(await readAnnotations(dir)), ...change };
  const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined));
  const parsed = annotations.safeParse({ v: 1, ...kept });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = String(issue?.path[0] ?? 'annotation');
    throw new UserError('annotation.invalid', `${field}: ${issue?.message ?? 'not allowed'}.`, 'Choose another text.');
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
