import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { annotate, type AnnotationChange } from '../experiments/library/annotations';
import { readSummary, RunStore } from '../experiments/library/store';
import type { AddCommand } from './context';
import { nameOfFolder, print, printJson } from './output';
import { runJson } from './run-json';
import { collect, withRuns, type RunsOption } from './run-options';

interface AnnotateOptions extends RunsOption {
  readonly name?: string;
  readonly note?: string;
  readonly tag?: string[];
  readonly untag?: string[];
  readonly star?: true;
  readonly unstar?: true;
}

export const addAnnotate: AddCommand = (program) => {
  withRuns(program.command('annotate <run>'))
    .description('name, note, tag or star a run; run.json is not changed')
    .option('--name <text>', 'a new name (empty: back to the name in the spec)')
    .option('--note <text>', 'a note (empty: back to the note in the spec)')
    .option('--tag <text>', 'add a tag (may be repeated)', collect)
    .option('--untag <text>', 'remove a tag (may be repeated)', collect)
    .option('--star', 'star the run')
    .option('--unstar', 'remove the star')
    .action(async (reference: string, options: AnnotateOptions) => {
      const { name, note, tag = [], untag = [], star, unstar } = options;
      if (name === undefined && note === undefined && tag.length + untag.length === 0 && !star && !unstar)
        throw new UserError(
          'annotation.none',
          l10n.t('There is nothing to annotate.'),
          l10n.t('Give --name, --note, --tag or --star.'),
        );
      if (star && unstar)
        throw new UserError(
          'annotation.invalid',
          l10n.t('Both --star and --unstar are given.'),
          l10n.t('Give only one of them.'),
        );
      const dir = await new RunStore(options.runsDir).find(reference);
      const { record } = await readSummary(dir);
      await annotate(dir, (now): AnnotationChange => {
        const tags = [...(now.tags ?? record.spec.tags ?? []), ...tag].filter((one) => !untag.includes(one));
        return {
          ...(name !== undefined && { name: name.trim() === '' ? null : name }),
          ...(note !== undefined && { notes: note.trim() === '' ? null : note }),
          ...(tag.length + untag.length > 0 && { tags }),
          ...((star ?? unstar) && { starred: star ?? false }),
        };
      });
      const run = await readSummary(dir);
      if (options.json) printJson(runJson(run));
      else print(`The run ${nameOfFolder(run)} is annotated.`);
    });
};
