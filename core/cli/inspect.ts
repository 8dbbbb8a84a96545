import { withCheckpoints } from '../checkpoint/open';
import { summarize } from '../checkpoint/summary';
import { formatSummary } from './summary-text';
import type { AddCommand } from './context';
import { columns, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

export const addInspect: AddCommand = (program) => {
  withJson(program.command('inspect <path>'))
    .description('what is in a model folder, a .safetensors file or a .safetensors.index.json')
    .action(async (target: string, options: JsonOption) => {
      const summary = await withCheckpoints([target], ({ reader }) =>
        Promise.resolve({ ...summarize(reader), name: target }),
      );
      if (options.json) printJson(summary);
      else print(formatSummary(summary, { width: columns() }));
    });
};
