import { withCheckpoints, type Checkpoint } from '../checkpoint/open';
import { summarize } from '../checkpoint/summary';
import { UserError } from '../errors';
import { nestedFactsOf } from '../models/decoder/sizes';
import { formatCount, formatShare } from '../protocol/format';
import { costOf, rankText, type NestedFacts } from '../protocol/nested';
import { table } from '../table';
import { formatSummary } from './summary-text';
import type { AddCommand } from './context';
import { columns, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';
import { write } from './terminal';

export const addInspect: AddCommand = (program) => {
  withJson(program.command('inspect <path>'))
    .description('what is in a model folder, a .safetensors file or a .safetensors.index.json')
    .action(async (target: string, options: JsonOption) => {
      const { nested, ...summary } = await withCheckpoints([target], (checkpoint) =>
        Promise.resolve({ ...summarize(checkpoint.reader), name: target, nested: nestedOf(checkpoint) }),
      );
      const sizes = nested?.sizes.map((ranks) => ({ ranks, ...costOf(nested, ranks) }));
      if (options.json) {
        printJson({ ...summary, ...(sizes && { sizes }) });
        return;
      }
      print(formatSummary(summary, { width: columns() }));
      if (nested) print(sizesTable(nested));
    });
};

/** A config that is not understood does not keep the tensors from being listed. */
function nestedOf({ reader }: Checkpoint): NestedFacts | undefined {
  try {
    return reader.config && nestedFactsOf(reader.config);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    write(`${error.message}\n`, process.stderr);
    return undefined;
  }
}

function sizesTable(nested: NestedFacts): string {
  const rows = nested.sizes.map((ranks) => {
    const { parameters, linearShare, flopsPerToken } = costOf(nested, ranks);
    return [formatCount(parameters), formatShare(linearShare), rankText(ranks), formatCount(flopsPerToken)];
  });
  const titles = ['parameters', 'linear', 'ranks', `FLOP per token, context ${nested.context}`];
  const count = rows.length === 1 ? '1 trained size' : `${rows.length} trained sizes`;
  return [
    `A nested model with ${count}; "winnow slice" writes any of them, and all sizes between`,
    table(
      titles.map((title) => ({ title })),
      rows,
    ),
    '',
  ].join('\n');
}
