import { stat } from 'node:fs/promises';
import { explainReadError } from '../checkpoint/byte-source';
import { openModelFolder } from '../checkpoint/model-folder';
import { openSafetensorsFile } from '../checkpoint/safetensors';
import { summarize } from '../checkpoint/summary';
import { formatSummary } from '../checkpoint/summary-text';
import type { AddCommand } from './context';
import { columns, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

export const addInspect: AddCommand = (program) => {
  withJson(program.command('inspect <path>'))
    .description('what is in a model folder or a .safetensors file')
    .action(async (target: string, options: JsonOption) => {
      const found = await stat(target).catch((error: unknown) => {
        throw explainReadError(error, target);
      });
      const model = found.isDirectory() ? await openModelFolder(target) : await openSafetensorsFile(target);
      try {
        const summary = summarize(model);
        if (options.json) printJson(summary);
        else print(formatSummary(summary, { width: columns() }));
      } finally {
        await model.close();
      }
    });
};
