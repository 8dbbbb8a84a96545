import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RunEvent } from '../../core/protocol/events';
import type { RunContext } from '../../core/experiments/method';
import { unseal } from '../../core/checksum';
import { readResults } from '../../core/methods/read-results';

/** What a run left behind. */
export interface Run {
  readonly context: RunContext;
  readonly events: readonly RunEvent[];
}

export interface Watch {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  readonly log?: (text: string) => void;
}

/** What the trials of a run came to, by the names of their files. */
export async function trialFilesOf({ context }: Run): Promise<Map<string, Record<string, unknown>>> {
  const folder = path.join(context.dir, 'trials');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  const read = async (name: string) =>
    unseal(await readFile(path.join(folder, name), 'utf8')) as Record<string, unknown>;
  return new Map(
    await Promise.all(files.map(async (name) => [path.basename(name, '.json'), await read(name)] as const)),
  );
}

/** What a run came to. */
export async function resultsOf({ context }: Run) {
  const results = await readResults(context.dir);
  if (!results) throw new Error(`${context.dir} has no results`);
  return results;
}

/** A folder with runs of methods in this process. */
export class RunFolder {
  protected constructor(
    readonly folder: string,
    readonly seed: number,
  ) {}

  static at(folder: string, seed: number): RunFolder {
    return new RunFolder(folder, seed);
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  /** A run directory that is there or not yet. */
  async context(name: string, signal: AbortSignal, emit: (event: RunEvent) => void): Promise<RunContext> {
    const dir = path.join(this.folder, 'runs', name);
    const context = {
      dir,
      baseDir: this.folder,
      checkpointsDir: path.join(dir, 'checkpoints'),
      artifactsDir: path.join(dir, 'artifacts'),
      cacheDir: path.join(this.folder, 'runs', '.cache'),
      seed: this.seed,
      device: { provider: 'cpu' as const, threads: 1 },
      signal,
      emit,
      log: () => undefined,
    };
    for (const made of [context.checkpointsDir, context.artifactsDir, context.cacheDir])
      await mkdir(made, { recursive: true });
    return context;
  }

  /** Starts a method in a run directory, or continues there. */
  async run(
    name: string,
    start: (context: RunContext) => Promise<void>,
    { signal = new AbortController().signal, onEvent, log = () => undefined }: Watch = {},
  ): Promise<Run> {
    const events: RunEvent[] = [];
    const made = await this.context(name, signal, (event) => {
      events.push(event);
      onEvent?.(event);
    });
    const context = { ...made, log };
    await start(context);
    return { context, events };
  }
}
