import * as l10n from '@vscode/l10n';
import { writeStatus } from '../experiments/run/directory';
import { Lease } from '../experiments/run/lease';
import { clearUnfinished } from '../experiments/run/mend';
import type { ExitReason, RunStatus } from '../experiments/run/status';

/**
 * Writes down that a run was stopped, for a worker that is gone and could not.
 * @param seen its last status
 * @param message what happened
 * @throws UserError `run.busy` if there is a worker after all, `disk.*`
 */
export const recordStop = (dir: string, seen: RunStatus, message: string): Promise<void> =>
  recordEnd(dir, seen, 'stopped', {
    code: 'run.stopped',
    message,
    hint: l10n.t('Continue it with "winnow resume".'),
  });

/** Writes down how a run ended that has no worker. @throws UserError `run.busy` if there is one after all, `disk.*` */
export async function recordEnd(
  dir: string,
  seen: RunStatus,
  state: 'stopped' | 'failed',
  reason: ExitReason,
): Promise<void> {
  const lease = await Lease.take(dir, seen);
  try {
    await clearUnfinished(lease);
    await writeStatus(dir, { ...seen, state, ended: Date.now(), reason });
  } finally {
    await lease.release();
  }
}
