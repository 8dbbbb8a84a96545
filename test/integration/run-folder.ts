import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RunEvent } from '../../core/protocol/events';
import type { RunContext } from '../../core/experiments/method';

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
