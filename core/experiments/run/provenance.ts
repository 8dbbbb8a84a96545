import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { Lineage, RunRecord } from './directory';

const execute = promisify(execFile);

/** The build writes the version in; a bundle made by other means has none. */
export const WINNOW_VERSION = process.env.WINNOW_VERSION ?? 'unversioned';

function onnxRuntimeVersion(): string | null {
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, 'utf8'))).version;
  } catch {
    return null;
  }
}

/** The commit of the folder that a file lies in; null outside of git, in a repository without commits, without git. */
async function gitOf(file: string): Promise<RunRecord['git']> {
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

/** What of `run.json` tells where a run was made. */
export async function provenance(
  specFile: string,
): Promise<Pick<RunRecord, 'winnow' | 'node' | 'onnxruntime' | 'platform' | 'cpu' | 'cores' | 'git'>> {
  return {
    winnow: WINNOW_VERSION,
    node: process.versions.node,
    onnxruntime: onnxRuntimeVersion(),
    platform: `${process.platform}-${process.arch} ${os.release()}`,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    git: await gitOf(specFile),
  };
}

/** Names the run that a checkpoint folder belongs to (`runs/<id>/checkpoints/<name>`), if it does. */
export function lineageOf(checkpoint: string): Lineage {
  const folder = path.resolve(checkpoint);
  const checkpoints = path.dirname(folder);
  const run = path.dirname(checkpoints);
  if (path.basename(checkpoints) !== 'checkpoints' || !existsSync(path.join(run, 'run.json'))) return { path: folder };
  return { path: folder, run: path.basename(run), checkpoint: path.basename(folder) };
}
