import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors';
import { branchMethod, branchSpec, runOf } from '../experiments/branch';
import { SPEC_ENDING } from '../experiments/spec-ending';
import { writeFileAtomic } from '../files';
import type { AddCommand } from './context';
import { print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

interface BranchOptions extends JsonOption {
  readonly method?: string;
}

export const addBranch: AddCommand = (program, { registry }) => {
  withJson(program.command('branch <checkpoint> <spec>'))
    .description('write a spec that goes on from a checkpoint, with the settings of the run that made it')
    .option('--method <name>', 'what to do with it (default: what the run did that made it)')
    .action(async (checkpoint: string, spec: string, options: BranchOptions) => {
      const file = path.resolve(spec.endsWith('.json') ? spec : `${spec}${SPEC_ENDING}`);
      if (existsSync(file))
        throw new UserError('branch.exists', `${file} is there already.`, 'Choose another name; nothing was written.');
      if (!existsSync(checkpoint))
        throw new UserError(
          'model.not-found',
          `There is no checkpoint ${checkpoint}.`,
          '"winnow show <run>" lists them.',
        );
      const from = await runOf(checkpoint);
      const method = branchMethod(registry, options.method, from);
      await writeFileAtomic(file, branchSpec(method, checkpoint, file, registry, from));
      if (options.json) printJson({ spec: file, method: method.name, parent: path.resolve(checkpoint) });
      else print(`${path.relative(process.cwd(), file)} goes on from ${path.basename(checkpoint)}: winnow run it.`);
    });
};
