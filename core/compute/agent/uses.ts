import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../../errors';
import { writeFileAtomic } from '../../files';
import { runFolders } from '../../experiments/library/run-folders';
import { trashOf } from '../../experiments/library/trash';
import { readState } from '../../experiments/run/state';

/** Which trees of a remote's folder its runs need. */
export interface Needed {
  /** Versions of Winnow that runs go on with. */
  readonly versions: ReadonlySet<string>;
  /** Whether a run goes on with a version that is not known: then all are needed. */
  readonly unknownVersion: boolean;
  /** Trees that a run names: `inputs/<name>`, `work/<name>`. */
  readonly trees: ReadonlySet<string>;
}

const usesFolder = (folder: string) => path.join(folder, 'uses');

/**
 * Writes down that a run goes on with a version of Winnow. Versions before it stay: if it was underway, it goes on with that one. It is not in the run,
 * which may be copied elsewhere.
 */
export async function recordUse(folder: string, run: string, version: string): Promise<void> {
  const file = path.join(usesFolder(folder), path.basename(run));
  const known = linesOf(await readOr(file));
  if (known.includes(version)) return;
  await mkdir(usesFolder(folder), { recursive: true });
  await writeFileAtomic(file, [...known, version, ''].join('\n'));
}

const linesOf = (text = '') => text.split('\n').filter((line) => line !== '');

const TREE = /(?:inputs|work)\/[a-z0-9][a-z0-9-]*/g;

/**
 * What the runs of a folder need, those in the trash included. A version is needed by every run that is not done. Inputs are needed by every run
 * that names them, and by its checkpoints: the tokenizer of a model is copied from there when a checkpoint is fetched.
 * @throws Error if a run cannot be read: then nobody knows what it needs
 */
export async function neededIn(folder: string): Promise<Needed> {
  const runsDir = path.join(folder, 'runs');
  const [versions, trees] = [new Set<string>(), new Set<string>()];
  let unknownVersion = false;
  const known = new Set<string>();
  for (const parent of [runsDir, trashOf(runsDir)])
    for (const name of await runFolders(parent)) {
      const dir = path.join(parent, name);
      known.add(name);
      for (const text of await textsOf(dir)) for (const [tree] of text.matchAll(TREE)) trees.add(tree);
      const state = await stateOf(dir);
      if (state === 'done') continue;
      const used = linesOf(await readOr(path.join(usesFolder(folder), name)));
      for (const version of used) versions.add(version);
      // One that was never started needs none yet.
      if (used.length === 0 && state !== 'queued') unknownVersion = true;
    }
  for (const name of await readdir(usesFolder(folder)).catch(() => []))
    if (!known.has(name)) await rm(path.join(usesFolder(folder), name), { force: true });
  return { versions, unknownVersion, trees };
}

/** A run whose state cannot be read may be at work. */
const stateOf = (dir: string) =>
  readState(dir).then(
    ({ state }) => state,
    () => 'unreadable' as const,
  );

/** The texts of a run that name files elsewhere. */
async function textsOf(dir: string): Promise<string[]> {
  const checkpoints = await readdir(path.join(dir, 'checkpoints')).catch(() => []);
  const metas = checkpoints.map((name) => path.join(dir, 'checkpoints', name, 'meta.json'));
  const texts = await Promise.all([path.join(dir, 'run.json'), ...metas].map(readOr));
  return texts.filter((text) => text !== undefined);
}

/** The text of a file; undefined if it is not there. @throws the file system's error */
const readOr = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });

/** A file or a folder below a folder. */
export interface Found {
  readonly path: string;
  readonly inode: string;
  readonly links: number;
  /** Bytes on the disk. */
  readonly bytes: number;
}

/** All files below a folder. What disappears meanwhile is left out. */
export async function* filesBelow(folder: string): AsyncGenerator<Found> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(file);
    else {
      const here = await lstat(file).catch(() => undefined);
      if (here) yield { path: file, inode: `${here.dev} ${here.ino}`, links: here.nlink, bytes: here.size };
    }
  }
}
