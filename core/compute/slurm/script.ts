import { INTERRUPTED_EXIT } from '../../experiments/run/scheduled';
import { runPaths } from '../../experiments/run/directory';
import { COLLECT, TRIALS } from '../../experiments/run/worker-program';
import { runtimesFolder } from '../../user-folders';
import { SLURM } from '../../workers/worker';
import { quoted } from '../quoting';
import type { TrialArray } from './arrays';

/** What a job does: a run, the trials of its task, or the collecting of what trials have done. */
export type Work = 'run' | 'collect' | TrialArray['tasks'];

/**
 * The script of a job. At the time limit it puts itself back into the queue, which Slurm does only for preempted jobs and failed nodes;
 * a job that is cancelled gets no warning, and stays cancelled. Signals reach its shell alone, and a shell handles them when its child
 * has ended; so it waits in the background for the worker and passes them on. A task is named by array and index: the last task of an
 * array has the array's own number, which stands for all of them.
 */
export function scriptOf(worker: string, dir: string, work: Work): string {
  const tasks = typeof work === 'string' ? undefined : [...work];
  const what = tasks ? `${TRIALS} "$@"` : work === 'collect' ? COLLECT : '';
  return `#!/bin/sh
WINNOW_SCHEDULED=1
WINNOW_RESTARTS=\${SLURM_RESTART_COUNT:-0}
WINNOW_RUNTIMES=${quoted(runtimesFolder())}
export WINNOW_SCHEDULED WINNOW_RESTARTS WINNOW_RUNTIMES
job=$SLURM_JOB_ID
${tasks ? choice(tasks) : ''}warned=
trap 'warned=1; kill -USR2 $pid 2>/dev/null' USR2
trap 'kill -TERM $pid 2>/dev/null' TERM
who='{"target":"${SLURM}","handle":{"job":"'"$job"'"}}'
[ -e ${quoted(runPaths(dir).record)} ] || { echo "The run directory cannot be seen on $(hostname): "${quoted(dir)}" Give the remote a folder that all nodes see."; exit 66; }
${quoted(process.execPath)} ${quoted(worker)} ${quoted(dir)} "$who" ${what} &
pid=$!
wait $pid
code=$?
while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done
wait $pid 2>/dev/null
last=$?
[ $last = 127 ] || code=$last
if [ "$warned$code" = 1${INTERRUPTED_EXIT} ]; then scontrol requeue "$job" && sleep 60; fi
exit $code
`;
}

const choice = (
  tasks: readonly (readonly [number, readonly string[]])[],
) => `job=\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
case $SLURM_ARRAY_TASK_ID in
${tasks.map(([index, trials]) => `${index}) set -- ${trials.map(quoted).join(' ')} ;;`).join('\n')}
*) echo "There is no task $SLURM_ARRAY_TASK_ID."; exit 64 ;;
esac
`;
