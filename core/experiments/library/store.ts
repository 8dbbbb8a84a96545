import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { existsSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import { readText } from '../../read-text';
import { readAnnotations, type Annotations } from './annotations';
import { checkpointSource, findSource, type FoundSource } from './checkpoint-source';
import { readEvents, readLastEvents } from '../run/event-log';
import type { StoredEvent } from '../../protocol/events';
import { asMetrics, RunHistory } from '../run/history';
import { LastValues } from '../run/last-values';
import { readRecord, runPaths, type RunRecord } from '../run/directory';
import { runFolders } from './run-folders';
import { readState, type StatusAndState } from '../run/state';
import { NOT_FETCHED } from '../../checkpoint/not-fetched';
import type { RunStatus } from '../run/status';
import { withNumbers } from './library-index';
import { RunIndex, type LastingKind } from './run-index';
import { unreadableRun, type UnreadableRun } from './unreadable';

/** A run in a list of runs. */
export interface RunSummary {
  readonly id: string;
  readonly dir: string;
  readonly state: StatusAndState['state'];
  readonly record: RunRecord;
  /** For a run underway on another machine: when its target was last heard from, milliseconds since 1970. */
  readonly heard?: number;
  /** The worker's last status; for a `damaged` run, rebuilt from the other files. */
  readonly status: RunStatus;
  /** What the user added to the run; empty if that cannot be read. */
  readonly annotations: Annotations;
  /** The latest metrics and progress events, if there are any near the end of the log. */
  readonly lastMetrics: Extract<StoredEvent, { type: 'metrics' }> | undefined;
  readonly lastProgress: Extract<StoredEvent, { type: 'progress' }> | undefined;
}

/** A run in a list, readable or not. */
export type ListedRun = RunSummary | UnreadableRun;

export const isReadable = (run: ListedRun): run is RunSummary => run.state !== 'unreadable';

/** A checkpoint folder in a run. */
export interface RunCheckpoint {
  readonly name: string;
  readonly dir: string;
  /** The content of its `meta.json`, if it exists and can be read. */
  readonly meta: unknown;
  /** If a program keeps the files elsewhere: where they are, and whether they have changed. */
  readonly source?: FoundSource;
}

/** Everything about one run. */
export interface RunDetails extends RunSummary {
  readonly history: RunHistory;
  /** One sentence for each line of the event log that could not be read; likewise for the annotations. */
  readonly problems: readonly string[];
  readonly checkpoints: readonly RunCheckpoint[];
  /** File names in `artifacts/`. */
  readonly artifacts: readonly string[];
}

/** What can still be shown of a run if its `run.json` cannot be read. */
export type UnreadableDetails = UnreadableRun & Pick<RunDetails, 'checkpoints' | 'artifacts'>;

/** Folders that are read in parallel: enough to hide the disk's latency, few enough for the limit on open files. */
const CONCURRENT = 32;

/** Reads the runs in a `runs/` folder. Other folders, and runs being created, are left out. */
export class RunStore {
  /** @param cache the folder that keeps the index of a large folder; by default the user's */
  constructor(
    readonly runsDir: string,
    readonly cache?: string,
  ) {}

  /**
   * Newest first. Empty if the folder does not exist. Of a large folder, only runs that may have changed since the last time are read.
   * @throws UserError `disk.unreadable`
   */
  async list(): Promise<ListedRun[]> {
    return this.#list(await runFolders(this.runsDir));
  }

  async #list(names: readonly string[]): Promise<ListedRun[]> {
    const index = new RunIndex(path.resolve(this.runsDir), INDEXED, this.cache);
    await index.load(names.length);
    const found: ListedRun[] = [];
    const next = names.values();
    const readOn = async () => {
      for (const name of next) {
        const run = await index.read(name, readListed);
        if (run) found.push(run);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, readOn));
    await index.save();
    return found.sort((a, b) => createdOf(b) - createdOf(a) || (a.id < b.id ? 1 : -1));
  }

  /**
   * Finds the directory of a run by its folder name, its id (the same unless the folder was renamed), its name, a part of one
   * of these that no other run has, `latest`, or a path.
   * @throws UserError `run.not-found`, `run.ambiguous`, `run.unreadable` for a path that is not a run
   */
  async find(reference: string): Promise<string> {
    const [dir] = await this.findAll([reference]);
    return dir!;
  }

  /** Finds several runs, looking at the folder once. @throws as `find` */
  async findAll(references: readonly string[]): Promise<string[]> {
    const names = await runFolders(this.runsDir);
    const folders = new Set(names);
    let listed: Promise<ListedRun[]> | undefined;
    const list = () => (listed ??= this.#list(names));
    return Promise.all(
      references.map(async (reference) =>
        folders.has(reference) ? path.resolve(this.runsDir, reference) : this.#search(reference, list),
      ),
    );
  }

  async #search(reference: string, list: () => Promise<readonly ListedRun[]>): Promise<string> {
    const runs = await list();
    if (reference === 'latest') {
      const [latest] = runs;
      if (latest) return latest.dir;
      throw new UserError(
        'run.not-found',
        l10n.t`There are no runs in ${this.runsDir}.`,
        l10n.t('Start one with "winnow run".'),
      );
    }
    const named = runs.filter((run) => run.id === reference || nameOf(run) === reference);
    if (named.length === 0 && /[\\/]/.test(reference)) {
      const dir = path.resolve(reference);
      if (!(await readListed(dir))) await readRecord(dir);
      return dir;
    }
    const matches = named.length > 0 || reference === '' ? named : runs.filter((run) => partOf(run, reference));
    const [only] = matches;
    if (only === undefined)
      throw new UserError(
        'run.not-found',
        l10n.t`There is no run "${reference}" in ${this.runsDir}.`,
        l10n.t('Give its id, a part of it, or its name; "winnow list" shows all runs.'),
      );
    if (matches.length > 1) {
      const shown = matches.slice(0, 4).map((run) => {
        const folder = path.basename(run.dir);
        return nameOf(run) === undefined ? folder : `${folder} (${nameOf(run) ?? ''})`;
      });
      throw new UserError(
        'run.ambiguous',
        l10n.t`"${reference}" could be ${matches.length} runs: ${shown.join(', ')}${matches.length > 4 ? ', …' : ''}.`,
        l10n.t('Give more of the id.'),
      );
    }
    return only.dir;
  }
}

/** States that nothing but a change of the run's files can change. */
const LASTING = new Set<ListedRun['state']>(['queued', 'done', 'stopped', 'failed']);

/** Runs as an index keeps them. */
const INDEXED: LastingKind<ListedRun> = {
  kind: 'runs',
  lasts: ({ state }) => LASTING.has(state),
  revive: (run) => {
    if (!isReadable(run)) return run;
    const { lastMetrics, lastProgress } = run;
    return {
      ...run,
      lastMetrics: lastMetrics && { ...lastMetrics, values: withNumbers(lastMetrics.values) },
      lastProgress: lastProgress && { ...lastProgress, ...withNumbers(numbersOf(lastProgress)) },
    };
  },
};

/** The numbers of a progress event; the rate is missing in some. */
const numbersOf = ({ done, total, rate }: NonNullable<RunSummary['lastProgress']>) => ({
  done,
  total,
  ...(rate !== undefined && { rate }),
});

/** The name shown in lists; undefined if it cannot be read. */
const nameOf = (run: ListedRun) => (isReadable(run) ? (run.annotations.name ?? run.record.spec.name) : undefined);

const partOf = ({ id, dir }: ListedRun, reference: string) =>
  id.includes(reference) || path.basename(dir).includes(reference);

const createdOf = (run: ListedRun) => (isReadable(run) ? run.record.created : run.created);

/** A run, readable or not; undefined if the folder is not a run. */
export async function readListed(dir: string): Promise<ListedRun | undefined> {
  try {
    return await summarize(dir);
  } catch (error) {
    if (error instanceof UserError) return unreadableRun(dir, error);
    throw error;
  }
}

/** @throws UserError `run.unreadable`, `run.newer`, `file.*`, with a hint */
export async function readSummary(dir: string): Promise<RunSummary> {
  try {
    return await summarize(dir);
  } catch (error) {
    const run = error instanceof UserError ? await unreadableRun(dir, error) : undefined;
    throw run ? new UserError(run.reason.code, run.reason.message, run.reason.hint, { cause: error }) : error;
  }
}

async function summarize(dir: string): Promise<RunSummary> {
  const paths = runPaths(dir);
  const record = await readRecord(dir);
  const { status, state, heard } = await readState(dir);
  const events = await readLastEvents(paths.events);
  return {
    id: record.id,
    dir,
    state,
    record,
    status,
    ...(heard !== undefined && { heard }),
    annotations: await readAnnotations(dir).catch(() => ({})),
    lastMetrics: lastMetrics(events),
    lastProgress: events.findLast((event) => event.type === 'progress'),
  };
}

/**
 * The run's result; before there is one, the last values of the last phase, of training and of evaluation, under its last
 * step. Evaluations of finished models (phases `result/…`, including controls) count only if there is nothing else.
 */
function lastMetrics(events: readonly StoredEvent[]): RunSummary['lastMetrics'] {
  const result = events.findLast((event) => event.type === 'result');
  if (result) return asMetrics(result);
  const lines = events.filter((event) => event.type === 'metrics');
  const last = lines.findLast(({ phase }) => !phase?.startsWith('result/')) ?? lines.at(-1);
  if (!last) return undefined;
  const same = lines.filter(({ phase, attempt }) => phase === last.phase && attempt === last.attempt);
  return { ...last, values: new LastValues(same).values };
}

/** @throws UserError `run.unreadable`, `file.*` */
export async function readRun(dir: string): Promise<RunDetails> {
  const paths = runPaths(dir);
  const summary = await readSummary(dir);
  const { events, problems } = await readEvents(paths.events).catch(
    // If the events cannot be read, the rest of the run is still shown.
    (error: unknown) => ({ events: [], problems: [{ text: messageOf(error) }] }),
  );
  const history = new RunHistory(events);
  const unreadable = await readAnnotations(dir).then(
    () => [],
    (error: unknown) => [messageOf(error)],
  );
  return {
    ...summary,
    ...(await readContent(dir)),
    lastMetrics: history.last,
    lastProgress: history.progress,
    history,
    problems: [...problems.map((problem) => problem.text), ...unreadable],
  };
}

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` if the folder is not a run */
export async function readDetails(dir: string): Promise<RunDetails | UnreadableDetails> {
  const run = await readListed(dir);
  return run && !isReadable(run) ? { ...run, ...(await readContent(dir)) } : readRun(dir);
}

const readContent = async (dir: string) => ({
  checkpoints: await readCheckpoints(runPaths(dir).checkpoints),
  artifacts: await listArtifacts(dir),
});

/** The names of the files in a run's `artifacts/`. */
export const listArtifacts = async (dir: string): Promise<string[]> =>
  (await visible(runPaths(dir).artifacts)).filter((entry) => entry.isFile()).map(({ name }) => name);

const visible = async (folder: string) =>
  (await readdir(folder, { withFileTypes: true }).catch(() => []))
    .filter((entry) => !entry.name.startsWith('.'))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));

export async function readCheckpoints(folder: string): Promise<RunCheckpoint[]> {
  const checkpoints: RunCheckpoint[] = [];
  for (const entry of await visible(folder)) {
    if (!entry.isDirectory()) continue;
    const dir = path.join(folder, entry.name);
    const text = await readText(path.join(dir, 'meta.json')).catch(() => 'null');
    const meta = parseOrNull(text);
    const recorded = checkpointSource.safeParse(meta).data;
    // What a mirror has not fetched is not missing.
    const isHere = !existsSync(path.join(dir, NOT_FETCHED));
    const source = recorded && isHere && (await findSource(recorded, dir, { thorough: false }));
    checkpoints.push({ name: entry.name, dir, meta, ...(source && { source }) });
  }
  return checkpoints;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
