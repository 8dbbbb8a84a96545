import type { Registry } from '../registry';
import { workerNamed } from '../../workers/worker';
import { runTrials } from './trial-worker';
import { runWorker } from './worker';

/** Arguments of a worker that runs nothing but these trials. */
export const TRIALS = '--trials';
/** Argument of a worker that collects what trials have done that ran alone. */
export const COLLECT = '--collect';

/**
 * What a worker program does.
 * @param args `<run directory> [<who, as JSON> [--collect | --trials <name>…]]`; `<who>` is the name that the compute target gives it
 * @returns its exit code
 */
export async function workerProgram(args: readonly string[], registry: Registry): Promise<number> {
  const [runDir, who, task, ...trials] = args;
  if (runDir === undefined) {
    process.stderr.write(
      `usage: worker.js <run directory> [<who, as JSON> [${COLLECT} | ${TRIALS} <name> [<name> …]]]\n`,
    );
    return 2;
  }
  const name = workerNamed(who);
  if (task === TRIALS) return runTrials(runDir, trials, registry, name);
  return runWorker(runDir, registry, { name, collect: task === COLLECT });
}
