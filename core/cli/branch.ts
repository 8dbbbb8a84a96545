import { existsSync } from 'node:fs';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { branchSpec } from '../experiments/library/branch';
import { continuationOf, originOf } from '../experiments/library/branch-origin';
import { parseOverride } from '../experiments/spec/spec';
import { SPEC_ENDING } from '../experiments/spec/ending';
import { writeFileAtomic } from '../files';
import type { AddCommand } from './context';
import { print, printJson } from './output';
import { collect, withJson, type JsonOption } from './run-options';

interface BranchOptions extends JsonOption {
  readonly method?: string;
  readonly fresh?: true;
  readonly set?: string[];
}

export const addBranch: AddCommand = (program, { registry }) => {
  withJson(program.command('branch <checkpoint> <spec>'))
    .description('write a spec that starts from a checkpoint, with the settings of the run that made it')
    .option('--method <name>', 'the method to use (default: that of the run that made the checkpoint)')
    .option('--fresh', 'do not copy the settings of that run')
    .option('--set <key=value>', 'set a value of the new spec (may be repeated)', collect)
    .action(async (checkpoint: string, spec: string, options: BranchOptions) => {
      const file = path.resolve(spec.endsWith('.json') ? spec : `${spec}${SPEC_ENDING}`);
      if (existsSync(file))
        throw new UserError(
          'branch.exists',
          l10n.t`${file} already exists.`,
          l10n.t('Choose another name; nothing was written.'),
        );
      if (!existsSync(checkpoint))
        throw new UserError(
          'model.not-found',
          l10n.t`There is no checkpoint ${checkpoint}.`,
          l10n.t('"winnow show <run>" lists them.'),
        );
      const origin = await originOf(checkpoint);
      const continuation = continuationOf(registry, origin, options.method);
      const overrides = (options.set ?? []).map(parseOverride);
      const fresh = options.fresh ?? false;
      const text = await branchSpec(origin, continuation, registry, { file, fresh, overrides });
      await writeFileAtomic(file, text);
      if (options.json) printJson({ spec: file, method: continuation.method.name, parent: origin.model });
      else print(`${path.relative(process.cwd(), file)} starts from ${origin.name}. Run it with "winnow run".`);
    });
};
