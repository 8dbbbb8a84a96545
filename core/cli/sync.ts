import { setTimeout as sleep } from 'node:timers/promises';
import { Synchronizer } from '../compute/synchronizer';
import type { AddCommand } from './context';
import { coloredState, color, nameOfFolder, print, printJson, toJson } from './output';
import { withRuns, type RunsOption } from './run-options';
import { readerGone } from './terminal';

/** Time between two looks with --follow, milliseconds. */
const POLL = 1_000;

export const addSync: AddCommand = (program, { targets }) => {
  withRuns(program.command('sync'))
    .description('bring the runs on other machines up to date here (with --follow --json: one JSON object per change)')
    .option('-f, --follow', 'go on until no run on another machine is underway')
    .option('--retry', 'ask now, also a machine that has refused the login or is in the pause after a failure')
    .action(async (options: RunsOption & { follow?: true }) => {
      const all = new Synchronizer(options.runsDir, targets);
      for (;;) {
        const began = Date.now();
        const { changes, problems, underway } = await all.look();
        if (options.json && !options.follow) printJson({ changes, problems, underway });
        else if (options.json) for (const one of [...changes, ...problems]) print(toJson(one));
        else {
          for (const { dir, state, target } of changes)
            print(`${nameOfFolder({ dir })}  ${coloredState(state, 9)} on ${target}`);
          for (const { target, message } of problems) print(`${color('yellow', target)}: ${message}`);
        }
        if (!options.follow || underway === 0 || readerGone()) {
          if (!options.json && changes.length === 0 && problems.length === 0 && !options.follow)
            print('Nothing has changed on other machines.');
          return;
        }
        // Many runs on a slow line: half of the time at most is spent asking.
        await sleep(Math.max(POLL, Date.now() - began));
      }
    });
};
