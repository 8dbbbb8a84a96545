import * as l10n from '@vscode/l10n';
import { describeArray, type JobList, type ListedJob } from './commands';
import type { ArrayJob } from './job-file';
import { phaseOf, waitInWords } from './states';

/** How the trials of a run stand whose trials are jobs. */
export interface Tally {
  readonly total: number;
  readonly done: number;
  /** Jobs that work. */
  readonly running: number;
  readonly pending: number;
  /** Trials whose job has ended without them, which have failed or were cut off. */
  readonly failed: number;
  /** A job that waits, and says most about why. */
  readonly waiting: ListedJob | undefined;
}

/** Reasons that only say that it is not the turn of this one among its own. */
const OWN_REASONS = new Set(['JobArrayTaskLimit', 'Dependency', 'None', '']);

/**
 * @param done the trials that are done, of all trials of the run
 * @throws UserError `slurm.no-answer`
 */
export async function tallyOf(
  arrays: readonly ArrayJob[],
  total: number,
  done: ReadonlySet<string>,
  list: JobList,
): Promise<Tally> {
  let [running, pending, failed] = [0, 0, 0];
  let waiting: ListedJob | undefined;
  for (const { job, tasks } of arrays) {
    const listed = job === null ? undefined : list.tasksOf(job);
    let asked: Awaited<ReturnType<typeof describeArray>> | undefined;
    for (const [index, trials] of Object.entries(tasks)) {
      const open = trials.filter((name) => !done.has(name)).length;
      if (open === 0) continue;
      // Submitted only in part: what is not there does not work.
      let task = listed?.get(Number(index));
      // Only evidence ends it.
      if (!task && job !== null) task = (asked ??= await describeArray(job)).get(Number(index));
      switch (task && phaseOf(task.state)) {
        case undefined:
        case 'ended':
          failed += open;
          break;
        case 'waits':
          pending += open;
          if (!waiting || OWN_REASONS.has(waiting.reason)) waiting = task;
          break;
        default:
          running++;
          pending += open - 1;
      }
    }
  }
  return { total, done: done.size, running, pending, failed, waiting };
}

/** `5 of 12 trials done, 4 running, 3 pending: other jobs come first`. @param ahead jobs that come before those that wait, if that is known */
export function tallyInWords({ total, done, running, pending, failed, waiting }: Tally, ahead?: number): string {
  const parts = [
    l10n.t`${done} of ${total} trials done`,
    ...(failed > 0 ? [l10n.t`${failed} not done, whose jobs have ended`] : []),
    ...(running > 0 ? [l10n.t`${running} running`] : []),
    ...(pending > 0 ? [l10n.t`${pending} pending`] : []),
  ].join(', ');
  if (!waiting || (running > 0 && OWN_REASONS.has(waiting.reason))) return parts;
  return `${parts}: ${waitInWords(waiting.state, waiting.reason, ahead)}`;
}
