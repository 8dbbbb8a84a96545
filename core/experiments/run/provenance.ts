import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Lineage, RunRecord } from './directory';

const execute = promisify(execFile);

/** The git commit of a file's folder; null outside of a repository, without commits, or without git. */
export async function gitOf(file: string): Promise<RunRecord['git']> {
  const git = async (...args: string[]) =>
    (
      await execute('git', ['--no-optional-locks', '-C', path.dirname(file), ...args], { encoding: 'utf8' })
    ).stdout.trim();
  try {
    const commit = await git('rev-parse', 'HEAD');
    const tracked = await git('status', '--porcelain', '--untracked-files=no');
    const spec = await git('status', '--porcelain', '--untracked-files=all', '--ignored', '--', path.basename(file));
    return { commit, dirty: tracked !== '' || spec !== '' };
  } catch {
    return null;
  }
}

/** The run that a checkpoint folder belongs to (`runs/<id>/checkpoints/<name>`), if any. */
export function lineageOf(checkpoint: string): Lineage {
  const folder = path.resolve(checkpoint);
  const checkpoints = path.dirname(folder);
  const run = path.dirname(checkpoints);
  if (path.basename(checkpoints) !== 'checkpoints' || !existsSync(path.join(run, 'run.json'))) return { path: folder };
  return { path: folder, run: path.basename(run), checkpoint: path.basename(folder) };
}
