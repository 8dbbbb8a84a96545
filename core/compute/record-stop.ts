import * as l10n from '@vscode/l10n';
import { writeStatus } from '../experiments/run/directory';
import { Lease } from '../experiments/run/lease';
import { clearUnfinished } from '../experiments/run/mend';
import type { RunStatus } from '../experiments/run/status';

/**
 * Writes down that a run was stopped, for a worker that is gone and could not.
 * @param seen its last status
 * @param message what happened
 * @throws UserError `run.busy` if there is a worker after all, `disk.*`
 */
export async function recordStop(dir: string, seen: RunStatus, message: string): Promise<void> {
  const lease = await Lease.take(dir, seen);
  try {
    await clearUnfinished(lease);
    const hint = l10n.t('Continue it with "winnow resume".');
    await writeStatus(dir, {
      ...seen,
      state: 'stopped',
      ended: Date.now(),
      reason: { code: 'run.stopped', message, hint },
    });
  } finally {
    await lease.release();
  }
}
