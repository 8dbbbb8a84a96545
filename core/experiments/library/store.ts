import { readdir } from 'node:fs/promises';
import path from 'node:path';
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
import type { RunStatus } from '../run/status';
import { unreadableRun, type UnreadableRun } from './unreadable';

/** One line of a list of runs. */
export interface RunSummary {
  readonly id: string;
  readonly dir: string;
  readonly state: StatusAndState['state'];
  readonly record: RunRecord;
  /** Of a run on another machine that is underway: when that was last heard of, milliseconds since 1970. */
  readonly heard?: number;
  /** What the worker last said; of a `damaged` run, what the other files say. */
  readonly status: RunStatus;
  /** What people said about it; nothing where that cannot be read. */
  readonly annotations: Annotations;
  /** The latest metrics and progress lines, if there are any near the end of the log. */
  readonly lastMetrics: Extract<StoredEvent, { type: 'metrics' }> | undefined;
  readonly lastProgress: Extract<StoredEvent, { type: 'progress' }> | undefined;
}

/** A run as a list shows it, whatever became of its files. */
export type ListedRun = RunSummary | UnreadableRun;

export const isReadable = (run: ListedRun): run is RunSummary => run.state !== 'unreadable';

/** A checkpoint folder of a run. */
export interface RunCheckpoint {
  readonly name: string;
  readonly dir: string;
  /** The content of its `meta.json`, if there is one that can be read. */
  readonly meta: unknown;
  /** Where a program wrote it and keeps it: where that is, and whether it still is what it was. */
  readonly source?: FoundSource;
}

/** Everything about one run. */
export interface RunDetails extends RunSummary {
  readonly history: RunHistory;
  /** Lines of the event log, and annotations, that could not be read, one sentence each. */
  readonly problems: readonly string[];
  readonly checkpoints: readonly RunCheckpoint[];
  /** File names in `artifacts/`. */
  readonly artifacts: readonly string[];
}

/** What still can be shown of a run whose `run.json` cannot be read. */
export type UnreadableDetails = UnreadableRun & Pick<RunDetails, 'checkpoints' | 'artifacts'>;

/** Folders read at the same time: enough to hide the disk's latency, few enough for the limit on open files. */
const CONCURRENT = 32;

/** Reads the runs in a `runs/` folder. Other folders in it, and runs being made, are left out. */
export class RunStore {
  constructor(readonly runsDir: string) {}

  /** Newest first. A folder that does not exist holds no runs. @throws UserError `disk.unreadable` */
  async list(): Promise<ListedRun[]> {
    const names = await runFolders(this.runsDir);
    const found: ListedRun[] = [];
    const next = names.values();
    const readOn = async () => {
      for (const name of next) {
        const run = await readListed(path.resolve(this.runsDir, name));
        if (run) found.push(run);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, readOn));
    return found.sort((a, b) => createdOf(b) - createdOf(a) || (a.id < b.id ? 1 : -1));
  }

  /**
   * The directory of a run, by the name of its folder or by its id, which are the same unless somebody renamed the folder;
   * by its own name; by a part of one of these that no other run has; by `latest`, or a path.
   * @throws UserError `run.not-found`, `run.ambiguous`, `run.unreadable` for a path that leads to no run
   */
  async find(reference: string): Promise<string> {
    const names = await runFolders(this.runsDir);
    if (names.includes(reference)) return path.resolve(this.runsDir, reference);
    if (reference === 'latest') {
      const latest = (await this.list())[0];
      if (latest) return latest.dir;
      throw new UserError(
        'run.not-found',
        l10n.t`There are no runs in ${this.runsDir}.`,
        l10n.t('Start one with "winnow run".'),
      );
    }
    const runs = await this.list();
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

/** What a list calls a run; undefined where that cannot be read. */
const nameOf = (run: ListedRun) => (isReadable(run) ? (run.annotations.name ?? run.record.spec.name) : undefined);

const partOf = ({ id, dir }: ListedRun, reference: string) =>
  id.includes(reference) || path.basename(dir).includes(reference);

const createdOf = (run: ListedRun) => (isReadable(run) ? run.record.created : run.created);

/** A run, readable or not; undefined for a folder that is none. */
export async function readListed(dir: string): Promise<ListedRun | undefined> {
  try {
    return await summarize(dir);
  } catch (error) {
    if (error instanceof UserError) return unreadableRun(dir, error);
    throw error;
  }
}

/** @throws UserError `run.unreadable`, `run.newer`, `file.*`, with what to do about it */
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
 * The run's result; before there is one, the latest metrics, of training and of evaluation: the last values of the last
 * phase, under its last step. Evaluations of finished models (phases `result/…`, controls among them) count only where
 * there is nothing else.
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
    // The numbers of a run are not worth more than the rest of it.
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

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` for a folder that is no run */
export async function readDetails(dir: string): Promise<RunDetails | UnreadableDetails> {
  const run = await readListed(dir);
  return run && !isReadable(run) ? { ...run, ...(await readContent(dir)) } : readRun(dir);
}

const readContent = async (dir: string) => ({
  checkpoints: await readCheckpoints(runPaths(dir).checkpoints),
  artifacts: await listArtifacts(dir),
});

/** Names of the files in a run's `artifacts/`. */
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
    const source = recorded && (await findSource(recorded, dir, { thorough: false }));
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
