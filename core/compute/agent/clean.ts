import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { messageOf, systemCode } from '../../errors';
import { KEPT, type Cleaned, type CleanRequest, type Freed } from './calls';
import { ASKED } from './store';
import { filesBelow, neededIn, type Needed } from './uses';

/** At connections, at most once in this time, milliseconds. */
const DAILY = 24 * 3600e3;
/** An agent says so often that it uses its version, milliseconds. */
const BEAT = 1800e3;
/** What was used or sent within this time may be in use by another client, milliseconds. Longer than `BEAT`. */
const GRACE = 2 * 3600e3;
/** What is being deleted: it was in its place as a whole, or is not there. */
const TRASH = '.deleted-';

/** Says, now and from time to time, that a version is in use: by this process, for another machine. */
export function keepVersion(folder: string, version: string): void {
  const touch = () => {
    const now = new Date();
    void utimes(path.join(folder, 'versions', version), now, now).catch(() => undefined);
  };
  touch();
  setInterval(touch, BEAT).unref();
}

/** Cleans up if that was not done within a day. Nobody waits for it, and nothing depends on it. */
export async function cleanDaily(folder: string, own: string): Promise<void> {
  const stamp = path.join(folder, 'cleaned');
  const last = await stat(stamp).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (Date.now() - last < DAILY) return;
  await writeFile(stamp, '');
  await clean(folder, own, { ...KEPT, dryRun: false });
}

/**
 * Deletes what no run and no other client uses: old versions of Winnow, inputs of runs that were deleted, contents that nothing has, and what did not
 * arrive completely. Runs and runtimes are never touched.
 * @param folder Winnow's folder on this machine
 * @param own the version that this process uses
 */
export async function clean(folder: string, own: string, { keep, days, dryRun }: CleanRequest): Promise<Cleaned> {
  const notes: string[] = [];
  const freed: Freed[] = [];
  const before = Date.now() - Math.max(days * 24 * 3600e3, GRACE);
  const needed = await neededIn(folder).catch((error: unknown) => {
    notes.push(l10n.t`No program and no input was deleted: a run cannot be read (${messageOf(error)}).`);
    return undefined;
  });
  const trees = needed ? await unused(folder, own, needed, { keep, before }) : [];
  if (needed?.unknownVersion)
    notes.push(l10n.t('All versions of Winnow are kept: a run goes on with one that is not known.'));
  /** How many names of each content go away. */
  const gone = new Map<string, number>();
  for (const { kind, name } of trees) {
    let bytes = 0;
    for await (const file of filesBelow(path.join(folder, kind, name))) {
      gone.set(file.inode, (gone.get(file.inode) ?? 0) + 1);
      if (file.links === 1) bytes += file.bytes;
    }
    freed.push({ kind, name, bytes });
    if (!dryRun) await discard(folder, path.join(folder, kind, name));
  }
  const sending = (await changed(path.join(folder, 'blobs', ASKED))) > Date.now() - GRACE;
  if (sending) notes.push(l10n.t('Files that no run refers to are kept for two hours after the last transfer.'));
  for await (const { path: file, inode, links, bytes } of filesBelow(path.join(folder, 'blobs'))) {
    const name = path.basename(file);
    if (name === ASKED) continue;
    const partial = name.endsWith('.partial');
    // In a dry run, the trees are still there.
    const others = links - (dryRun ? (gone.get(inode) ?? 0) : 0);
    if (sending || others > 1 || (await changed(file)) > (partial ? before : Date.now() - GRACE)) continue;
    freed.push({ kind: partial ? 'partials' : 'blobs', name, bytes });
    if (!dryRun) await rm(file, { force: true });
  }
  for (const { kind, file } of await leftovers(folder, before)) {
    let bytes = 0;
    for await (const one of filesBelow(file)) if (one.links === 1) bytes += one.bytes;
    bytes += await stat(file).then((here) => (here.isFile() ? here.size : 0));
    freed.push({ kind, name: path.basename(file), bytes });
    if (!dryRun) await rm(file, { recursive: true, force: true });
  }
  return { freed, notes };
}

/** Trees that nothing uses. */
async function unused(
  folder: string,
  own: string,
  { versions, unknownVersion, trees }: Needed,
  { keep, before }: { keep: number; before: number },
): Promise<{ kind: string; name: string }[]> {
  const found: { kind: string; name: string }[] = [];
  const all = await treesOf(folder, 'versions');
  const recent = all.toSorted((a, b) => b.used - a.used).slice(0, keep);
  if (!unknownVersion)
    for (const one of all)
      if (one.name !== own && !versions.has(one.name) && !recent.includes(one) && one.used < before)
        found.push({ kind: 'versions', name: one.name });
  for (const kind of ['inputs', 'work'])
    for (const { name, used } of await treesOf(folder, kind))
      if (!trees.has(`${kind}/${name}`) && used < before) found.push({ kind, name });
  for (const { name, used } of await treesOf(folder, 'wheels')) if (used < before) found.push({ kind: 'wheels', name });
  return found;
}

/** The complete trees of a kind, with when they were last used, milliseconds since 1970. */
async function treesOf(folder: string, kind: string): Promise<{ name: string; used: number }[]> {
  const names = (await readdir(path.join(folder, kind)).catch(() => [])).filter((name) => !name.startsWith('.'));
  return Promise.all(names.map(async (name) => ({ name, used: await changed(path.join(folder, kind, name)) })));
}

/** What was begun long ago and is not complete, and old downloads. */
async function leftovers(folder: string, before: number): Promise<{ kind: string; file: string }[]> {
  const found: { kind: string; file: string }[] = [];
  const look = async (place: string, kind: string, is: (name: string) => boolean) => {
    for (const name of await readdir(path.join(folder, place)).catch(() => [])) {
      const file = path.join(folder, place, name);
      if (is(name) && (await changed(file)) < before) found.push({ kind, file });
    }
  };
  for (const kind of ['versions', 'inputs', 'work', 'wheels'])
    await look(kind, 'partials', (name) => name.startsWith('.partial-'));
  await look('node', 'partials', (name) => name.endsWith('.partial'));
  await look('.', 'partials', (name) => name.startsWith(TRASH));
  await look(path.join('cache', 'downloads'), 'downloads', (name) => !name.startsWith('.'));
  return found;
}

/** Deletes a tree; a client finds all of it or nothing. */
async function discard(folder: string, tree: string): Promise<void> {
  const gone = path.join(folder, `${TRASH}${randomBytes(6).toString('hex')}`);
  // Another client may have been faster.
  await rename(tree, gone).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
  await rm(gone, { recursive: true, force: true });
}

const changed = (file: string): Promise<number> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

/** Bytes of disk by what they are for, in Winnow's folder; a content with several names counts once. */
export async function usageOf(folder: string): Promise<Record<string, number>> {
  const seen = new Set<string>();
  const usage: Record<string, number> = {};
  // Contents last: there are those that no tree has.
  for (const part of ['runs', 'work', 'inputs', 'versions', 'runtimes', 'cache', 'node', 'wheels', 'blobs'])
    for await (const { inode, links, bytes } of filesBelow(path.join(folder, part))) {
      if (links > 1 && seen.has(inode)) continue;
      if (links > 1) seen.add(inode);
      usage[part] = (usage[part] ?? 0) + bytes;
    }
  return usage;
}
