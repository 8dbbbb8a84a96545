import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { Method } from '../../experiments/method';
import { NOT_FETCHED } from '../../checkpoint/not-fetched';
import { readMirror } from '../../experiments/run/mirror-file';
import { valueAt, withValue, type Settings } from '../../experiments/spec/kept-settings';
import { REMOTE_PATH } from '../../experiments/spec/remote-path';
import type { LocalFile } from '../agent/manifest';

const execute = promisify(execFile);

/** The files that a spec names, for a machine that does not have them. */
export interface Inputs {
  /** What is sent: paths are those in the tree. */
  readonly files: readonly LocalFile[];
  /** The settings for the other machine: paths are relative to the tree, or absolute there. */
  readonly config: Settings;
}

/** Folders of programs that are not part of the source; git usually ignores them. */
const LEFT_OUT = new Set([
  '.git',
  'node_modules',
  '.venv',
  'venv',
  '__pycache__',
  'runs',
  '.cache',
  '.mypy_cache',
  '.pytest_cache',
]);

/**
 * What has to be sent so that a spec can run on another machine. A file or folder below the spec's own keeps its relative path;
 * any other gets a place of its own. Left as they are: values that are not paths here (`embedded:sotu`), and paths that are on
 * the other machine: `remote:/scratch/corpus`, and checkpoints of runs on that same machine.
 * @param target its name
 */
export async function inputsOf(method: Method, config: Settings, baseDir: string, target: string): Promise<Inputs> {
  const { paths = [], programFolder } = method;
  const files = new Map<string, LocalFile>();
  let outside = 0;
  const place = async (value: unknown, key: string): Promise<unknown> => {
    if (Array.isArray(value)) return Promise.all(value.map((one) => place(one, key)));
    if (typeof value !== 'string') return value;
    if (value.startsWith(REMOTE_PATH)) return value.slice(REMOTE_PATH.length);
    const from = path.resolve(baseDir, value);
    const there = await remotePathOf(from, target);
    if (there !== undefined) return there;
    const found = await stat(from).catch(() => undefined);
    if (!found) return value;
    const relative = path.relative(baseDir, from).split(path.sep).join('/');
    const isInside = relative !== '..' && !relative.startsWith('../') && !path.isAbsolute(relative);
    const to = isInside ? relative : `.elsewhere/${++outside}/${path.basename(from)}`;
    const inner = !found.isDirectory()
      ? ['']
      : key === programFolder
        ? await sourceFiles(from)
        : await allFiles(from, '');
    for (const file of inner) {
      const inTree = [to, file].filter((part) => part !== '').join('/');
      files.set(inTree, { path: inTree, from: path.join(from, file) });
    }
    return to === '' ? '.' : to;
  };
  let moved = config;
  for (const key of paths) {
    const value = valueAt(config, key);
    if (value !== undefined) moved = withValue(moved, key, await place(value, key));
  }
  return { files: [...files.values()], config: moved };
}

/** Where a path is on the target, if it is in a run that is there. @throws UserError `target.other` if that run is on a third machine */
async function remotePathOf(file: string, target: string): Promise<string | undefined> {
  for (let dir = file; dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const mirror = await readMirror(dir).catch(() => undefined);
    if (!mirror) continue;
    const inner = path.relative(dir, file).split(path.sep).join('/');
    if (mirror.target === target) return `${mirror.from}/${inner}`;
    if (!(await stat(path.join(file, NOT_FETCHED)).catch(() => undefined))) return undefined;
    throw new UserError(
      'target.other',
      l10n.t`${file} is on ${mirror.target}, not on ${target}.`,
      l10n.t`Fetch it first: "winnow fetch ${path.basename(dir)} ${inner}".`,
    );
  }
  return undefined;
}

/** All files below a folder, with slashes. Follows links to files and folders. */
async function allFiles(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.join(root, folder), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const file = path.posix.join(folder, entry.name);
      const kind = entry.isSymbolicLink() ? await stat(path.join(root, file)).catch(() => undefined) : entry;
      if (kind?.isDirectory()) return allFiles(root, file);
      return kind?.isFile() ? [file] : [];
    }),
  );
  return found.flat();
}

/** The source of a program: what git knows or would add; without git, everything but folders that never are source. */
async function sourceFiles(folder: string): Promise<string[]> {
  try {
    const { stdout } = await execute(
      'git',
      ['-C', folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    );
    const listed = stdout.split('\0').filter((name) => name !== '' && name.split('/')[0] !== 'runs');
    const there = await Promise.all(listed.map((name) => stat(path.join(folder, name)).catch(() => undefined)));
    return listed.filter((_, i) => there[i]?.isFile());
  } catch {
    const all = await allFiles(folder, '');
    return all.filter((file) => !file.split('/').some((part) => LEFT_OUT.has(part)));
  }
}
