import path from 'node:path';
import { readRecord, type RunRecord } from '../../experiments/run/directory';
import { runFolders } from '../../experiments/library/run-folders';
import { readState } from '../../experiments/run/state';
import { isActive } from '../../protocol/runs';
import { CommandConfig } from './config';
import { readPointers } from './pointers';
import { listerOf, toldOf } from './program/told';
import { readProgram, SAME_MOMENT, stillRuns } from './record';

/** Another run of the method `command` in the same `runs/` folder. */
interface Neighbor {
  readonly name: string;
  readonly dir: string;
  readonly record: RunRecord;
  readonly config: CommandConfig;
}

/** A checkpoint that another run has recorded. */
export interface OtherCheckpoint {
  readonly run: string;
  /** Absolute path. */
  readonly file: string;
  /** Digest of its contents, if one was recorded. */
  readonly digest: string | undefined;
  /** Whether the file is still as that run wrote it. */
  readonly unchanged: boolean;
}

/** When a file was written, as far as known, in milliseconds since 1970. */
export interface Written {
  /** Modification time, by the clock of the disk. */
  readonly time: number;
  /** Runs that ended before this time cannot have written it; by the clock of this machine. */
  readonly since: number;
  /** It was written since the previous check. */
  readonly justNow: boolean;
}

/** Tells a checkpoint finder which other runs may have written a file. */
export interface Others {
  /** Must be called before each check of the files. */
  look(): Promise<void>;
  /** The runs whose program may have written a file. */
  writersOf(file: string, written: Written): Promise<string[]>;
  /** Checkpoints that other runs have recorded outside their own folders. */
  recorded(): Promise<OtherCheckpoint[]>;
}

/** Whether a run is active, and until when it was; undefined if it has not begun or cannot be read. */
async function stateOf({ dir }: Neighbor) {
  const read = await readState(dir).catch(() => undefined);
  if (!read?.status.started) return undefined;
  const { ended, heartbeat, attempt } = read.status;
  const program = await readProgram(dir);
  // The program of a frozen worker keeps running.
  const active = isActive(read.state) || (program !== undefined && stillRuns(program));
  return { active, until: active ? Infinity : (ended ?? heartbeat), attempt: program?.attempt ?? attempt };
}

/** The other runs of `command` with checkpoints, in the `runs/` folder of an existing or planned run. */
export class Neighbors implements Others {
  readonly #known = new Map<string, Neighbor | undefined>();
  /** Active runs, and those that ended since the previous check: this run may still find their last files. */
  readonly #active = new Set<string>();
  readonly #justOver = new Set<string>();

  /** @param own name of the run's own folder, if it exists already */
  constructor(
    readonly runsDir: string,
    readonly own?: string,
  ) {}

  async look(): Promise<void> {
    this.#justOver.clear();
    for (const name of this.#active) {
      const other = this.#known.get(name);
      if (other && (await stateOf(other))?.active) continue;
      this.#active.delete(name);
      this.#justOver.add(name);
    }
  }

  async writersOf(file: string, { time, since, justNow }: Written): Promise<string[]> {
    const writers: string[] = [];
    for (const other of await this.#all()) {
      const state = await stateOf(other);
      if (!state) continue;
      const { active, until, attempt } = state;
      if (active) this.#active.add(other.name);
      // A disk's clock may be wrong: what was observed directly counts more than file times.
      const seen = justNow && (active || this.#justOver.has(other.name));
      const atThatTime = until >= since && until >= time - SAME_MOMENT && other.record.created <= time + SAME_MOMENT;
      if (!seen && !atThatTime) continue;
      const { spec, baseDir } = other.record;
      const { dir, config } = other;
      const told = toldOf(config, { dir, baseDir, seed: spec.seed, device: spec.device }, attempt);
      const list = listerOf(config, { dir, baseDir }, told);
      const matching: readonly string[] = await list(config.checkpoints, { directories: true }).catch(() => []);
      if (matching.includes(file)) writers.push(other.name);
    }
    return writers;
  }

  async recorded(): Promise<OtherCheckpoint[]> {
    const found: OtherCheckpoint[] = [];
    for (const { name, dir } of await this.#all())
      for (const { recorded, found: source } of await readPointers(dir, { thorough: false }))
        if (path.isAbsolute(recorded.source))
          found.push({
            run: name,
            file: source.path,
            digest: recorded.content?.digest,
            unchanged: source.state === 'unchanged',
          });
    return found;
  }

  /** A run's settings never change, so each is read once. */
  async #all(): Promise<Neighbor[]> {
    for (const name of await runFolders(this.runsDir).catch(() => [])) {
      if (name === this.own || this.#known.has(name)) continue;
      const dir = path.resolve(this.runsDir, name);
      const record = await readRecord(dir).catch(() => undefined);
      const config = record?.spec.method === 'command' ? CommandConfig.safeParse(record.spec.config).data : undefined;
      const neighbor =
        record && config !== undefined && config.checkpoints.length > 0 ? { name, dir, record, config } : undefined;
      this.#known.set(name, neighbor);
    }
    return [...this.#known.values()].filter((one) => one !== undefined);
  }
}
