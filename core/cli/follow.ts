import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../errors';
import { settle } from '../compute/chosen';
import type { ComputeTarget } from '../compute/target';
import { readEvents, vanished } from '../experiments/run/event-log';
import { START, type Position } from '../experiments/run/line-log';
import { isGone, runPaths } from '../experiments/run/directory';
import type { StatusAndState } from '../experiments/run/state';
import { isPaused, workedOn } from '../experiments/run/status';
import { readSummary, type RunSummary } from '../experiments/library/store';
import { checkWritable } from '../files';
import { isUnderway } from '../protocol/runs';
import { describeWorker } from '../workers/worker';
import { FAILED, INTERRUPTED } from './context';
import { color, duration, nameOfFolder, print, printError, printJson } from './output';
import { reporterFor, silent, type Reporter } from './progress';
import { runJson } from './run-json';
import { oneLine } from '../terminal-text';
import { tellFetched } from './sync';
import { READER_GONE, readerGone, write } from './terminal';
import { interruptible } from './work';

const POLL = 200;

/**
 * Reports a run's events until its worker has ended.
 * @param onLook called with each status; the watch ends if it throws or returns `true`
 */
async function watch(
  dir: string,
  target: Pick<ComputeTarget, 'state'>,
  reporter: Reporter,
  from: Position,
  onLook: (seen: StatusAndState) => boolean = () => false,
): Promise<RunSummary> {
  const paths = runPaths(dir);
  let position = from;
  for (;;) {
    try {
      // Read the status first: a worker writes its last events before its last status.
      const seen = await target.state(dir);
      const read = await readEvents(paths.events, position);
      position = read;
      for (const problem of read.problems) reporter.line(problem.text);
      for (const event of read.events) reporter.event(event);
      if (!isUnderway(seen.state) && (await isOver(dir, target))) return await readSummary(dir);
      if (onLook(seen)) return await readSummary(dir);
    } catch (error) {
      throw isGone(dir) ? vanished(dir) : error;
    }
    await sleep(POLL);
  }
}

/** A missing status file may mean that the directory is being deleted. */
async function isOver(dir: string, target: Pick<ComputeTarget, 'state'>): Promise<boolean> {
  await sleep((await target.state(dir)).state === 'damaged' ? POLL : 0);
  return !isUnderway((await target.state(dir)).state);
}

/** A worker writes a heartbeat every two seconds; without one for this many milliseconds it counts as not responding. */
const NO_ANSWER = 15_000;

/**
 * Waits for a run to stop, without output.
 * @throws UserError `run.no-answer` if its worker shows no sign of life
 */
export function waitForStop(dir: string, target: Pick<ComputeTarget, 'state'>): Promise<RunSummary> {
  const asked = Date.now();
  return watch(dir, target, silent, START, ({ status: { worker, heartbeat } }) => {
    const quiet = Date.now() - Math.max(asked, heartbeat);
    if (quiet < NO_ANSWER) return false;
    throw new UserError(
      'run.no-answer',
      l10n.t`The worker${worker ? ` (${describeWorker(worker)})` : ''} was asked to stop but has not responded for ${duration(quiet / 1000)}: it is frozen, or in the middle of a long computation.`,
      l10n.t`It will stop when it continues. "winnow stop ${path.basename(dir)} --force" kills it at once with everything it started; the work since its last checkpoint is lost.`,
    );
  });
}

/**
 * Starts the worker of a run and follows it: shows its events, and turns the first Ctrl-C into a clean stop and the
 * second into an immediate one. The worker keeps running if this process dies.
 * @returns the exit code
 */
export async function runAttached(dir: string, target: ComputeTarget, json: boolean): Promise<number> {
  const reporter = json ? silent : reporterFor(process.stdout);
  const from = await readEvents(runPaths(dir).events);
  let presses = 0;
  let asked: Promise<void> = Promise.resolve();
  const onSignal = () => {
    presses++;
    reporter.line(
      presses === 1
        ? 'Stopping after saving a checkpoint. Press Ctrl-C again to stop at once.'
        : 'Stopping at once; the work since the last checkpoint is lost.',
    );
    const force = presses > 1;
    // A worker that is still starting cannot be told to stop yet.
    asked = started.then(
      () =>
        target.stop(dir, { force }).catch((error: unknown) => {
          reporter.line(messageOf(error));
        }),
      () => undefined,
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const started = target.submit(dir);
  let code: number;
  try {
    await started;
    // The run continues without a reader, but a user who stops it is waiting for the checkpoint.
    const leave = () => readerGone() && presses === 0;
    let waits = '';
    const look = ({ state, status }: StatusAndState) => {
      const wait = state === 'pending' ? (status.reason?.message ?? '') : '';
      if (wait !== waits && wait !== '') reporter.line(`Waiting: ${oneLine(wait)}`);
      waits = wait;
      return leave();
    };
    await watch(dir, target, reporter, from, look);
    if (leave()) return READER_GONE;
    // A killed worker looks lost until the process that killed it has recorded the stop.
    await asked;
    reporter.end();
    code = await tellEnd(await readSummary(dir), json);
  } finally {
    reporter.end();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
  await fetchChosen(dir, target, json);
  return code;
}

/** Fetches the checkpoints that are fetched by themselves. The run has ended, whatever becomes of that. */
async function fetchChosen(dir: string, target: ComputeTarget, json: boolean): Promise<void> {
  if (!target.fetches) return;
  const tell = (problem: UserError) => {
    if (json) write(`${oneLine(problem.message)} ${oneLine(problem.hint)}\n`, process.stderr);
    else tellFetched({ dir, fetched: [], problem });
  };
  try {
    await interruptible(async ({ signal, onProgress }) => {
      let label = '';
      const settled = await settle(dir, target, {
        ...(signal && { signal }),
        onItem: (item) => {
          label = path.posix.basename(item);
        },
        onProgress: (done, total) => {
          if (!json) onProgress?.({ done, total, label, unit: 'bytes' });
        },
      });
      if (!json && settled) tellFetched({ dir, fetched: settled.fetched });
      if (settled?.problem) tell(settled.problem);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tell(new UserError(error.code, error.message, l10n.t('"winnow sync" fetches the rest.')));
  }
}

/** @throws UserError `disk.*` if the disk is full or read-only, which the worker could not record */
async function tellEnd(run: RunSummary, json: boolean): Promise<number> {
  const { state, status } = run;
  if (state === 'lost') await checkWritable(run.dir);
  if (state === 'failed' || state === 'lost' || state === 'damaged') {
    const error = status.reason ?? {
      code: 'run.lost',
      message: 'The worker process ended unexpectedly: it was killed, or the system ran out of memory.',
      hint: `The log may say more: winnow logs ${nameOfFolder(run)}. Continue with "winnow resume ${nameOfFolder(run)}".`,
    };
    if (json) printJson({ ...runJson(run), error });
    else printError(error, false);
    return FAILED;
  }
  if (isPaused({ ...status, state }) && status.reason) {
    if (json) printJson({ ...runJson(run), error: status.reason });
    else printError(status.reason, false);
    return FAILED;
  }
  if (json) printJson(runJson(run));
  else {
    const took = duration(workedOn(status) / 1000);
    print(`${color(state === 'done' ? 'green' : 'yellow', state === 'done' ? 'Done' : 'Stopped')} after ${took}.`);
    print(
      state === 'done' ? `  winnow show ${nameOfFolder(run)}` : `  Continue with: winnow resume ${nameOfFolder(run)}`,
    );
  }
  return state === 'done' ? 0 : INTERRUPTED;
}
