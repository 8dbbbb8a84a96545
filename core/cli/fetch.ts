import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { readDetails, RunStore } from '../experiments/library/store';
import type { AddCommand } from './context';
import { nameOfFolder, print, printJson } from './output';
import { withRuns, type RunsOption } from './run-options';
import { write } from './terminal';
import { interruptible, jsonProgress } from './work';

export const addFetch: AddCommand = (program, { targets }) => {
  withRuns(program.command('fetch <run> [items...]'))
    .description(
      'copy checkpoints of a run on another machine to this one (<items>: names of checkpoints, or artifacts/<name>; default: all checkpoints)',
    )
    .action(async (reference: string, items: string[], options: RunsOption) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const target = await targets.of(dir);
      await target.state(dir);
      const run = await readDetails(dir);
      if (run.state === 'unreadable') throw new UserError('run.unreadable', l10n.t`The run in ${dir} cannot be read.`);
      const wanted =
        items.length > 0
          ? items.map((item) => (item.includes('/') ? item : `checkpoints/${item}`))
          : run.checkpoints.map(({ name }) => `checkpoints/${name}`);
      const fetched: string[] = [];
      const whole = await interruptible(async ({ signal, onProgress }) => {
        for (const item of wanted) {
          const label = path.posix.basename(item);
          const show = options.json ? jsonProgress() : onProgress;
          fetched.push(
            await target.fetch(dir, item, {
              ...(signal && { signal }),
              onProgress: (done, total) => show?.({ done, total, label, unit: 'bytes' }),
            }),
          );
          if (!options.json) print(path.relative(process.cwd(), fetched.at(-1)!));
        }
        return true;
      });
      if (options.json && whole) printJson({ fetched });
      else if (options.json)
        printJson({
          error: {
            code: 'interrupted',
            message: l10n.t('It was interrupted.'),
            hint: l10n.t('What has arrived is kept: the next fetch continues there.'),
          },
        });
      else if (!whole)
        write(`${l10n.t('What has arrived is kept: the next fetch continues there.')}\n`, process.stderr);
      else if (wanted.length === 0) print(`${nameOfFolder(run)} has no checkpoints yet.`);
    });
};
