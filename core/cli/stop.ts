import { RunStore } from '../experiments/library/store';
import type { AddCommand } from './context';
import { waitForStop } from './follow';
import { nameOfFolder, print, printJson } from './output';
import { runJson } from './run-json';
import { withRuns, type RunsOption } from './run-options';

export const addStop: AddCommand = (program, { targets }) => {
  withRuns(program.command('stop <run>'))
    .description('stop a run at a checkpoint and wait until it has stopped')
    .option('--force', 'kill it at once with everything it started; the work since its last checkpoint is lost')
    .action(async (reference: string, options: RunsOption & { force?: true }) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const target = await targets.of(dir);
      await target.stop(dir, { force: options.force ?? false });
      const run = await waitForStop(dir, target);
      if (options.json) printJson(runJson(run));
      else print(`The run ${nameOfFolder(run)} is ${run.state}.`);
    });
};
