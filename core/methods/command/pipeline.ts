import { setTimeout as sleep } from 'node:timers/promises';
import type { RunContext } from '../../experiments/method';
import { identityOf } from '../../workers/process';
import type { Cut } from './checkpoints';
import type { CommandConfig } from './config';
import { howEnded } from './ended';
import { explainFailure } from './program/explain';
import { signalGroup } from './program/group';
import { launchOf, shownCommand } from './program/launch';
import { Program } from './program/program';
import { toldOf } from './program/told';
import { cutSince, prepareFolders, readProgram, stillRuns, writeProgram, type ProgramRecord } from './record';
import { Recorder } from './recorder';

/** Time between two checks of the files that the program writes, in milliseconds. */
const POLL = 500;
/** How long to wait for the watchdog to end the program of a killed worker, in milliseconds. */
const ORPHAN_PATIENCE = 15_000;

/** Runs the program of a spec and records what it prints and writes. When the run is resumed, starts the program again. */
export async function runCommand(config: CommandConfig, context: RunContext): Promise<void> {
  const earlier = await readProgram(context.dir);
  // The program had succeeded, and the worker was killed before it could record that.
  if (earlier?.exitCode === 0) return;
  if (earlier) await endEarlier(earlier);
  await prepareFolders(context.dir, config.parameters);
  const attempt = (earlier?.attempt ?? 0) + 1;
  const told = toldOf(config, context, attempt);
  const recorder = new Recorder(config, context, told);
  await recorder.begin(earlier && (await cutOf(context, earlier)));
  const checkpoint = earlier && recorder.latestCheckpoint;
  const launch = launchOf(config, context.baseDir, { ...told, ...(checkpoint !== undefined && { checkpoint }) });
  context.signal.throwIfAborted();

  context.log(`$ ${[launch.file, ...launch.args].join(' ')}`);
  const program = await Program.start(launch, (printed) => {
    recorder.printed(printed);
  });
  const record = {
    command: shownCommand(config),
    process: identityOf(program.pid),
    started: Date.now(),
    attempt,
  };
  try {
    await writeProgram(context.dir, { ...record, exitCode: null });
    await follow(program, recorder, config, context);
  } catch (error) {
    // For example a full disk or a deleted run: nobody would record what the program does.
    await program.stop('SIGTERM', 1_000);
    throw error;
  }
  const ending = await program.ended;
  await recorder.look(howEnded(ending));
  recorder.finish(ending.code === 0 && !context.signal.aborted);
  await writeProgram(context.dir, { ...record, process: null, exitCode: context.signal.aborted ? null : ending.code });
  context.signal.throwIfAborted();
  if (ending.code !== 0) throw explainFailure(ending, program.lastLines);
}

/** Records until the program exits, by itself or because the run was stopped. */
async function follow(program: Program, recorder: Recorder, config: CommandConfig, context: RunContext): Promise<void> {
  const { signal, graceSeconds } = config.stop;
  const over = program.ended.then(() => true);
  let stopping: Promise<void> | undefined;
  const stop = () => {
    context.log(`Stopping the program: sent ${signal}; it has ${graceSeconds} s to save its work.`);
    stopping = program.stop(signal, 1_000 * graceSeconds);
  };
  if (context.signal.aborted) stop();
  else context.signal.addEventListener('abort', stop, { once: true });
  try {
    while (!(await Promise.race([over, sleep(POLL, false)]))) await recorder.look();
    await stopping;
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
}

/** When an attempt was running whose program's exit was never recorded. */
async function cutOf({ dir, earlier: run }: RunContext, earlier: ProgramRecord): Promise<Cut | undefined> {
  const since = await cutSince(dir, earlier);
  // Files written long after the worker's last heartbeat may belong to anybody.
  return since === undefined ? undefined : { since, until: (run?.lastSeen ?? since) + ORPHAN_PATIENCE };
}

/** Waits for the earlier program to end, then kills it: two programs must not write into one run. */
async function endEarlier(earlier: ProgramRecord): Promise<void> {
  const deadline = performance.now() + ORPHAN_PATIENCE;
  while (stillRuns(earlier)) {
    if (performance.now() > deadline && earlier.process) signalGroup(earlier.process.pid, 'SIGKILL');
    await sleep(100);
  }
}
