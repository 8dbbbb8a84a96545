import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Synchronizer, type Fetched } from '../compute/synchronizer';
import type { AddCommand } from './context';
import { coloredState, color, nameOfFolder, print, printJson, toJson } from './output';
import { withRuns, type RunsOption } from './run-options';
import { oneLine } from '../terminal-text';
import { readerGone } from './terminal';
import { ProgressLine } from './work';

/** Time between two looks with --follow, milliseconds. */
const POLL = 1_000;

/** Says what was fetched by itself, and why something was not. */
export function tellFetched({ dir, fetched, problem }: Pick<Fetched, 'dir' | 'fetched' | 'problem'>): void {
  for (const item of fetched) print(`Fetched ${oneLine(path.relative(process.cwd(), path.join(dir, item)))}`);
  if (problem) print(`${color('yellow', oneLine(problem.message))} ${oneLine(problem.hint)}`);
}

export const addSync: AddCommand = (program, { targets }) => {
  withRuns(program.command('sync'))
    .description(
      'bring the runs on other machines up to date here, and fetch what is to be fetched of those that have ended (with --follow --json: one JSON object per change)',
    )
    .option('-f, --follow', 'go on until no run on another machine is underway, and what is to be fetched is here')
    .option('--retry', 'ask now, also a machine that has refused the login or is in the pause after a failure')
    .action(async (options: RunsOption & { follow?: true }) => {
      const line = new ProgressLine(process.stderr);
      const all = new Synchronizer(options.runsDir, targets, (label, done, total) => {
        if (!options.json) line.show({ done, total, label, unit: 'bytes' });
      });
      for (;;) {
        const began = Date.now();
        const look = await all.look();
        const { changes, underway, fetching } = look;
        const more = options.follow ? { fetches: [], problems: [] } : await all.settled();
        const fetches = [...look.fetches, ...more.fetches];
        const problems = [...look.problems, ...more.problems];
        line.end();
        if (options.json && !options.follow) printJson({ changes, fetches, problems, underway });
        else if (options.json) for (const one of [...changes, ...fetches, ...problems]) print(toJson(one));
        else {
          for (const { dir, state, target } of changes)
            print(`${nameOfFolder({ dir })}  ${coloredState(state, 9)} on ${target}`);
          for (const one of fetches) tellFetched(one);
          for (const { target, message } of problems) print(`${color('yellow', target)}: ${message}`);
        }
        if (!options.follow || (underway === 0 && fetching === 0) || readerGone()) {
          if (!options.json && !options.follow && changes.length + fetches.length + problems.length === 0)
            print('Nothing has changed on other machines.');
          return;
        }
        // Many runs on a slow line: half of the time at most is spent asking.
        await sleep(Math.max(POLL, Date.now() - began));
      }
    });
};
