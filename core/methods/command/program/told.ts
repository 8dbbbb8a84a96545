import path from 'node:path';
import { escapePath } from 'tinyglobby';
import type { RunContext } from '../../../experiments/method';
import type { CommandConfig } from '../config';
import { find } from '../metrics/found';
import { programPaths } from '../record';
import { folderOf } from './launch';
import { fill, type Told } from './placeholders';

type OfRun = Pick<RunContext, 'dir' | 'baseDir' | 'seed' | 'device'>;

/** @param attempt the number of this start of the program, from 1 on */
export function toldOf(config: CommandConfig, run: OfRun, attempt: number): Told {
  const { output, parameters } = programPaths(run.dir);
  const { provider, threads } = run.device;
  return {
    run: run.dir,
    output,
    parameters,
    seed: String(run.seed),
    device: provider,
    threads: String(threads),
    attempt: String(attempt),
    ...(config.parent !== undefined && { parent: path.resolve(run.baseDir, config.parent) }),
  };
}

/**
 * Returns a function that lists what matches globs of a run's spec now.
 * @param options.directories whether folders count too
 */
export function listerOf(
  config: CommandConfig,
  run: Pick<RunContext, 'dir' | 'baseDir'>,
  told: Told,
): (globs: readonly string[], options: { readonly directories: boolean }) => Promise<string[]> {
  const folders = [folderOf(config, run.baseDir), told.output];
  return async (globs, { directories }) =>
    find(
      // Characters in a folder's path must not act as a pattern.
      globs.map((glob) => fill(glob, told, escapePath)),
      folders,
      { directories, without: path.dirname(run.dir) },
    );
}
