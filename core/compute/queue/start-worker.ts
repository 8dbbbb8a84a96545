import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../../errors';
import { runPaths } from '../../experiments/run/directory';
import { readState } from '../../experiments/run/state';
import { NO_WAIT } from '../../file-errors';
import { checkWritable, explainDiskError } from '../../files';
import { identityOf, type ProcessIdentity } from '../../workers/process';
import { processOf } from '../../workers/worker';

/** Interval between looks at a run that is starting, milliseconds. */
const POLL = 50;

export interface WorkerProgram {
  readonly node: string;
  /** Path of the bundled `worker.js`. */
  readonly worker: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/**
 * Starts the worker of a run in a session of its own, and waits until it has taken the run over.
 * @param onStart gets the process once it is there
 * @throws UserError `run.not-started`, `disk.*`
 */
export async function startWorker(
  dir: string,
  { node, worker, env, cwd }: WorkerProgram,
  onStart: (worker: ProcessIdentity) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const paths = runPaths(dir);
  const log = openLog(paths.log);
  const logged = fstatSync(log).size;
  const child = spawn(node, [worker, dir], {
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
    env,
    // A folder that is gone would look like a missing program.
    cwd: existsSync(cwd) ? cwd : dir,
  });
  closeSync(log);
  const ended = { yes: false };
  const failure = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
  });
  child.once('exit', () => {
    ended.yes = true;
  });
  const takenOver = async () => {
    if (child.pid !== undefined) await onStart(identityOf(child.pid));
    for (;;) {
      // Read before the status, because a worker may take the run over and finish it in between.
      const { yes: late } = ended;
      const { worker: seen } = (await readState(dir)).status;
      if (seen && processOf(seen)?.pid === child.pid) return;
      if (late) {
        // A worker that cannot write may not be able to report it either.
        await checkWritable(dir);
        const said = readFileSync(paths.log).subarray(logged).toString('utf8').trim();
        throw new UserError(
          'run.not-started',
          l10n.t`The worker exited at once: ${said || l10n.t('it printed nothing')}`,
          l10n.t`See ${paths.log}.`,
        );
      }
      await sleep(POLL);
    }
  };
  await Promise.race([takenOver(), failure]);
  child.unref();
}

function openLog(file: string): number {
  let log: number | undefined;
  try {
    log = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_WAIT, 0o666);
    if (fstatSync(log).isFile()) return log;
  } catch (error) {
    // ENXIO: a named pipe without a reader.
    if (systemCode(error) !== 'ENXIO') throw explainDiskError(error, file);
  }
  if (log !== undefined) closeSync(log);
  throw new UserError(
    'disk.not-a-file',
    l10n.t`${file} is not a file.`,
    l10n.t('Something else is in its place: move it away.'),
  );
}
