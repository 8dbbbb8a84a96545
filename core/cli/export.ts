import { Option } from 'commander';
import type { ExportResult, ExportSettings } from '../checkpoint/export';
import { unfinishedBeside } from '../checkpoint/unfinished-exports';
import { formatBytes } from '../protocol/format';
import type { AddCommand } from './context';
import { print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';
import { write } from './terminal';
import { interruptible } from './work';

interface ExportOptions extends JsonOption {
  readonly dtype: NonNullable<ExportSettings['dtype']>;
  readonly merge?: boolean;
}

export const addExport: AddCommand = (program) => {
  withJson(program.command('export <checkpoint> <folder>'))
    .description(
      'write a model as a Hugging Face folder without training state; with factored layers, use --merge for programs other than Winnow',
    )
    .addOption(
      new Option('--dtype <name>', 'number format of the stored weights')
        .choices(['keep', 'F32', 'F16', 'BF16'])
        .default('keep'),
    )
    .option(
      '--merge',
      'merge factored layers into full ones: as large as the original, and transformers and other programs can load it',
    )
    .action(async (source: string, folder: string, { dtype, merge = false, json }: ExportOptions) => {
      const result = await interruptible(async (work) => {
        const { exportCheckpoint } = await import('../checkpoint/export');
        return exportCheckpoint(source, folder, { dtype, merge }, work);
      });
      if (result === undefined) return;
      const unfinished = await unfinishedBeside(folder);
      if (json) {
        printJson({ ...result, unfinished });
        return;
      }
      const layers =
        result.merged > 0 ? `, ${result.merged} factored ${result.merged === 1 ? 'layer' : 'layers'} merged` : '';
      print(`${result.folder}: ${result.tensors} tensors, ${formatBytes(result.bytes)}${layers}`);
      if (result.left.length > 0) print(`Not copied: ${result.left.join(', ')}`);
      if (result.winnowOnly.length > 0) print(onlyWinnow(result.winnowOnly));
      for (const left of unfinished)
        write(
          `${left} was left behind by an export that was killed: delete it, unless another export is running.\n`,
          process.stderr,
        );
    });
};

/** Warns users who want to pass the folder to another program. */
const onlyWinnow = (what: ExportResult['winnowOnly']): string =>
  `Only Winnow can load this folder, because of its ${what.join(' and ')}; transformers refuses it.` +
  (what.join() === 'factored layers' ? ' For other programs, export with --merge.' : '');
