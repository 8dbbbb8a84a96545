import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventWriter, readEvents } from '../../core/experiments/run/event-log';
import { RunLibrary } from '../../core/experiments/library/library';
import { createRunDirectory, runPaths, writeStatus } from '../../core/experiments/run/directory';
import { readStatus } from '../../core/experiments/run/status';
import { attempt, recordOf } from '../fixtures/experiments/records';
import type { Goal, Section } from './report';
import { median, milliseconds } from './report';

const RUNS = 10_000;
const NEWEST = 200;
const METRIC_LINES = 1_000_000;
const ROUNDS = 5;
/** 2026-01-01, and a run each minute from then on. */
const BEGIN = 1_767_225_600_000;
const MINUTE = 60_000;

/** A finished run as a worker leaves it. */
async function makeRun(runsDir: string, index: number): Promise<string> {
  const created = BEGIN + index * MINUTE;
  const dir = await createRunDirectory(runsDir, recordOf(created));
  const events = new EventWriter(runPaths(dir).events, attempt(1));
  for (let step = 1; step <= 20; step++)
    events.append({ type: 'metrics', phase: 'train', step, values: { loss: 1 / step, accuracy: step / 20 } });
  events.append({ type: 'state', state: 'done' });
  events.close();
  const status = await readStatus(runPaths(dir).status);
  await writeStatus(dir, { ...status, state: 'done', attempt: 1, started: created, ended: created + MINUTE });
  return dir;
}

async function makeRuns(runsDir: string): Promise<void> {
  const next = Array.from({ length: RUNS }, (_, index) => index).values();
  const work = async () => {
    for (const index of next) await makeRun(runsDir, index);
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

interface Opening {
  /** Seconds until the first rows could be shown, until the newest 200 were there, and until all agreed with the disk. */
  readonly first: number;
  readonly newest: number;
  readonly all: number;
  /** Longest time for which nothing else could happen, seconds. */
  readonly blocked: number;
}

async function open(library: RunLibrary): Promise<Opening> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const start = performance.now();
  const since = () => (performance.now() - start) / 1000;
  let first = Infinity;
  let newest = Infinity;
  const stop = library.onDidChange(() => {
    first = Math.min(first, since());
    if (library.size >= NEWEST) newest = Math.min(newest, since());
  });
  delay.enable();
  await library.refresh();
  await library.settled();
  delay.disable();
  stop();
  return { first, newest, all: since(), blocked: delay.max / 1e9 };
}

/** A look at all runs after one of them wrote one more line, seconds. */
async function refreshAfterEvent(library: RunLibrary, dir: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const events = new EventWriter(runPaths(dir).events, attempt(1));
    events.append({ type: 'metrics', phase: 'train', step: 100 + round, values: { loss: 0.1 } });
    events.close();
    const start = performance.now();
    library.hint(runPaths(dir).events);
    await library.refresh();
    times.push((performance.now() - start) / 1000);
    if (library.row(path.basename(dir))?.metrics?.step !== 100 + round) throw new Error('the event was not seen');
  }
  return median(times);
}

interface Parsing {
  readonly seconds: number;
  readonly bytes: number;
}

/** A whole log of metric lines, read anew. */
async function readLongLog(folder: string): Promise<Parsing> {
  const file = path.join(folder, 'long.jsonl');
  const events = new EventWriter(file, attempt(1));
  for (let step = 1; step <= METRIC_LINES; step++)
    events.append({ type: 'metrics', phase: 'train', step, tokens: step * 4096, values: { loss: 1 / step, lr: 3e-4 } });
  events.close();
  const start = performance.now();
  const read = await readEvents(file);
  if (read.events.length !== METRIC_LINES) throw new Error(`${read.events.length} lines were read`);
  return { seconds: (performance.now() - start) / 1000, bytes: (await stat(file)).size };
}

/** How fast a window shows thousands of runs, and notices what changes. */
export async function benchLibrary(): Promise<Section> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  try {
    const runsDir = path.join(folder, 'runs');
    const indexFile = path.join(folder, 'index.json');
    await makeRuns(runsDir);
    // A folder that changed a moment ago is read again and again.
    await sleep(2_500);

    const cold = new RunLibrary(runsDir, indexFile);
    const first = await open(cold);
    await cold.saveIndex();
    cold.close();

    const library = new RunLibrary(runsDir, indexFile);
    const second = await open(library);
    const busy = library.rows()[RUNS >> 1]!;
    const refresh = await refreshAfterEvent(library, busy.dir);
    library.close();
    const parsing = await readLongLog(folder);

    const goals: Goal[] = [
      { name: 'ms to the newest runs without index', measured: first.newest * 1e3, limit: 300, sense: 'at most' },
      { name: 'ms blocked meanwhile', measured: first.blocked * 1e3, limit: 30, sense: 'at most' },
      { name: 'ms to all rows from the index', measured: second.first * 1e3, limit: 300, sense: 'at most' },
      { name: 'ms blocked while they are verified', measured: second.blocked * 1e3, limit: 30, sense: 'at most' },
      { name: 'ms to see one event of one run', measured: refresh * 1e3, limit: 50, sense: 'at most' },
    ];
    const row = (what: string, { first: shown, newest, all, blocked }: Opening) =>
      [what, ...[shown, newest, all, blocked].map(milliseconds)] as const;
    return {
      title: `A window on ${RUNS} runs`,
      columns: [
        { title: 'opening', align: 'left' },
        { title: 'first rows' },
        { title: `newest ${NEWEST}` },
        { title: 'all, verified' },
        { title: 'longest block' },
      ],
      rows: [row('without index', first), row('with index', second)],
      notes: [
        `One event of one run is seen in ${milliseconds(refresh)}.`,
        `A log of ${METRIC_LINES} metric lines (${(parsing.bytes / 1e6).toFixed(0)} MB) is read in ${milliseconds(parsing.seconds)}.`,
      ],
      goals,
      data: { runs: RUNS, first, second, refreshSeconds: refresh, parsing },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
