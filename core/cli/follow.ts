import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors';
import type { ComputeTarget } from '../compute/target';
import { readEvents, START, vanished, type Position } from '../experiments/event-log';
import { isGone, runPaths } from '../experiments/run-directory';
import { readState } from '../experiments/status';
import { readSummary, type RunSummary } from '../experiments/store';
import { FAILED, INTERRUPTED } from './context';
import { colour, duration, print, printError, printJson } from './output';
import { reporterFor, silent, type Reporter } from './progress';
import { runJson } from './run-json';
import { READER_GONE, readerGone } from './terminal';

const POLL = 200;

/** Reports a run's events until its worker has ended, or `leave` says so. */
async function watch(dir: string, reporter: Reporter, from: Position, leave = () => false): Promise<RunSummary> {
  const paths = runPaths(dir);
  let position = from;
  for (;;) {
    try {
      // The status first: a worker writes its last events before its last status.
      const { state } = await readState(paths.status);
      const read = await readEvents(paths.events, position);
      position = read;
      for (const problem of read.problems) reporter.line(problem.text);
      for (const event of read.events) reporter.event(event);
      if (leave() || (state !== 'running' && state !== 'stopping')) return await readSummary(dir);
    } catch (error) {
      throw isGone(dir) ? vanished(dir) : error;
    }
    await sleep(POLL);
  }
}

/** Waits for a run to end, showing nothing. */
export const waitFor = (dir: string) => watch(dir, silent, START);

/**
 * Starts the worker on a run and stays with it: shows its events, turns the first Ctrl-C into a clean stop and the
 * second into an immediate one. The worker lives on if this process dies.
 * @returns the exit code
 */
export async function runAttached(dir: string, compute: ComputeTarget, json: boolean): Promise<number> {
  const reporter = json ? silent : reporterFor(process.stdout);
  const from = await readEvents(runPaths(dir).events);
  let presses = 0;
  let asked: Promise<void> = Promise.resolve();
  const onSignal = () => {
    presses++;
    reporter.line(
      presses === 1
        ? 'Stopping: the run saves a checkpoint first. Ctrl-C again stops it at once.'
        : 'Stopping at once; the work since the last checkpoint is lost.',
    );
    const force = presses > 1;
    // While the worker starts there is nobody yet to be told.
    asked = started.then(
      () =>
        compute.stop(dir, { force }).catch((error: unknown) => {
          reporter.line(messageOf(error));
        }),
      () => undefined,
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const started = compute.start(dir);
  try {
    await started;
    // The run goes on without a reader; a person who stops it is still waiting for the checkpoint.
    const leave = () => readerGone() && presses === 0;
    await watch(dir, reporter, from, leave);
    if (leave()) return READER_GONE;
    // A killed worker looks lost until whoever killed it has written down that it was stopped.
    await asked;
    reporter.end();
    return tellEnd(await readSummary(dir), json);
  } finally {
    reporter.end();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function tellEnd(run: RunSummary, json: boolean): number {
  const { state, status } = run;
  if (state === 'failed' || state === 'lost') {
    const error = status.reason ?? {
      code: 'run.lost',
      message: 'The worker ended without a last word: it was killed, or the system ran out of memory.',
      hint: `The log may say more: winnow logs ${run.id}. Continue with "winnow resume ${run.id}".`,
    };
    if (json) printJson({ ...runJson(run), error });
    else printError(error, false);
    return FAILED;
  }
  if (json) printJson(runJson(run));
  else {
    const took = duration(((status.ended ?? 0) - (status.started ?? 0)) / 1000);
    print(`${colour(state === 'done' ? 'green' : 'yellow', state === 'done' ? 'Done' : 'Stopped')} after ${took}.`);
    print(state === 'done' ? `  winnow show ${run.id}` : `  Continue with: winnow resume ${run.id}`);
  }
  return state === 'done' ? 0 : INTERRUPTED;
}
