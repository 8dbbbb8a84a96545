import * as l10n from '@vscode/l10n';

/** What a state of a Slurm job means for a run. A word that is not known means nothing: only evidence ends a run. */
export type JobPhase = 'waits' | 'works' | 'ended' | 'unknown';

/** States by their long names (squeue(1), "JOB STATE CODES"). */
const PHASES: Readonly<Record<string, JobPhase>> = {
  PENDING: 'waits',
  REQUEUED: 'waits',
  REQUEUE_HOLD: 'waits',
  REQUEUE_FED: 'waits',
  RESV_DEL_HOLD: 'waits',
  SPECIAL_EXIT: 'waits',
  SUSPENDED: 'works',
  CONFIGURING: 'works',
  RUNNING: 'works',
  COMPLETING: 'works',
  RESIZING: 'works',
  SIGNALING: 'works',
  STAGE_OUT: 'works',
  STOPPED: 'works',
  COMPLETED: 'ended',
  CANCELLED: 'ended',
  FAILED: 'ended',
  TIMEOUT: 'ended',
  PREEMPTED: 'ended',
  NODE_FAIL: 'ended',
  OUT_OF_MEMORY: 'ended',
  DEADLINE: 'ended',
  BOOT_FAIL: 'ended',
  REVOKED: 'ended',
  LAUNCH_FAILED: 'ended',
  RECONFIG_FAIL: 'ended',
};

/** The short names. */
const SHORT: Readonly<Record<string, string>> = {
  ...{ PD: 'PENDING', RQ: 'REQUEUED', RH: 'REQUEUE_HOLD', RF: 'REQUEUE_FED', RD: 'RESV_DEL_HOLD', SE: 'SPECIAL_EXIT' },
  ...{ S: 'SUSPENDED', CF: 'CONFIGURING', R: 'RUNNING', CG: 'COMPLETING', RS: 'RESIZING', SI: 'SIGNALING' },
  ...{ SO: 'STAGE_OUT', ST: 'STOPPED', CD: 'COMPLETED', CA: 'CANCELLED', F: 'FAILED', TO: 'TIMEOUT', PR: 'PREEMPTED' },
  ...{ NF: 'NODE_FAIL', OOM: 'OUT_OF_MEMORY', DL: 'DEADLINE', BF: 'BOOT_FAIL', RV: 'REVOKED' },
};

/** The long name of a state: `cancelled by 1000`, `CANCELLED+`, `CA` and `CANCELLED` are one. Several flags: the first. */
export function stateName(said: string): string {
  const [first = ''] = said
    .trim()
    .toUpperCase()
    .split(/[\s,+|]/);
  return SHORT[first] ?? first;
}

export const phaseOf = (state: string): JobPhase => PHASES[stateName(state)] ?? 'unknown';

/** Why a job waits, in words. A reason that is not known is shown as it is. @param ahead jobs that come first, if that is known */
export function waitInWords(state: string, reason: string, ahead: number | undefined): string {
  const held = l10n.t('held: "scontrol release" lets it go on');
  if (['REQUEUE_HOLD', 'SPECIAL_EXIT', 'RESV_DEL_HOLD'].includes(stateName(state))) return held;
  const jobs =
    ahead === undefined ? '' : ahead === 1 ? l10n.t(' (1 job is ahead)') : l10n.t` (${ahead} jobs are ahead)`;
  switch (reason) {
    case 'Priority':
      return l10n.t`other jobs come first${jobs}`;
    case 'Resources':
      return l10n.t`waits for free nodes, CPUs or GPUs${jobs}`;
    case 'JobHeldUser':
    case 'JobHeldAdmin':
      return reason === 'JobHeldUser' ? held : l10n.t('held by an administrator');
    case 'BeginTime':
      return l10n.t('waits for its begin time (after a requeue, Slurm waits a moment)');
    case 'Dependency':
      return l10n.t('waits for another job');
    case 'DependencyNeverSatisfied':
      return l10n.t('waits for a job that has failed: it will never start');
    case 'PartitionDown':
    case 'PartitionInactive':
      return l10n.t('the partition is down');
    case 'PartitionTimeLimit':
      return l10n.t(
        'its time limit is above that of the partition: it will never start. Stop it, and give the remote a shorter time',
      );
    case 'PartitionNodeLimit':
    case 'BadConstraints':
      return l10n.t('no node has what it asks for: it will never start');
    case 'NodeDown':
      return l10n.t('a node is down');
    case 'ReqNodeNotAvail':
      return l10n.t('the nodes are reserved or down');
    case 'JobArrayTaskLimit':
      return l10n.t('waits for other tasks of its array');
    case 'launch failed requeued held':
      return l10n.t('could not be started, and is held: "scontrol release" lets it go on');
    case 'None':
    case '':
      return l10n.t('not looked at by the scheduler yet');
    default:
      return /Limit|Max|QOS|Assoc/.test(reason) ? l10n.t`a limit of the account: ${reason}` : reason;
  }
}

/** How a job ended, in words that follow the name of the job. */
export function endInWords(state: string, exitCode: string): string {
  switch (stateName(state)) {
    case 'TIMEOUT':
      return l10n.t('reached its time limit');
    case 'NODE_FAIL':
      return l10n.t('lost its node');
    case 'OUT_OF_MEMORY':
      return l10n.t('ran out of memory');
    case 'PREEMPTED':
      return l10n.t('was preempted');
    case 'CANCELLED':
      return l10n.t('was cancelled');
    case 'DEADLINE':
      return l10n.t('missed its deadline');
    case 'BOOT_FAIL':
      return l10n.t('could not start its node');
    case 'COMPLETED':
      return l10n.t('ended');
    default:
      return l10n.t`failed (${stateName(state)}, exit code ${exitCode})`;
  }
}
