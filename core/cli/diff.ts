import { withCheckpoints } from '../checkpoint/open';
import type { CheckpointDiff, TensorDifference, TensorForm } from '../protocol/inspection';
import { oneLine } from '../terminal-text';
import type { AddCommand } from './context';
import { namedTable } from './named-table';
import { columns, fields, number, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';
import { interruptible } from './work';

/** Number of names shown per list; `--json` has all. */
const SHOWN = 20;

export const addDiff: AddCommand = (program) => {
  withJson(program.command('diff <a> <b>'))
    .description('how two checkpoints differ in tensors, shapes and values; factors are compared as their product')
    .action(async (a: string, b: string, options: JsonOption) => {
      const diff = await interruptible(async (work) => {
        const { diffCheckpoints } = await import('../inspection/diff');
        return withCheckpoints([a, b], (ours, theirs) => diffCheckpoints(ours.reader, theirs.reader, work));
      });
      if (diff === undefined) return;
      if (options.json) printJson(diff);
      else print(formatDiff(diff, columns()));
    });
};

/** The diff for a terminal of `width` columns. */
export function formatDiff(diff: CheckpointDiff, width: number): string {
  const { a, b, missing, added, changed, differences, identical, incomparable } = diff;
  const counts = [
    `${identical} identical`,
    `${differences.length} with different values`,
    ...(missing.length > 0 ? [`${missing.length} only in a`] : []),
    ...(added.length > 0 ? [`${added.length} only in b`] : []),
  ];
  // The table already shows the dtypes of its tensors.
  const shown = new Set(differences.map(({ name }) => name));
  const fromTo = changed
    .filter(({ name }) => !shown.has(name))
    .map(({ name, a: x, b: y }) => `${oneLine(name)}  ${format(x)} -> ${format(y)}`);
  return [
    fields([
      ['a', a],
      ['b', b],
    ]),
    counts.join(', '),
    ...(differences.length > 0 ? [differenceTable(differences, width)] : []),
    ...list('different shape or dtype:', fromTo),
    ...list('only in a:', missing.map(oneLine)),
    ...list('only in b:', added.map(oneLine)),
    ...list(
      'not compared:',
      incomparable.map(({ name, reason }) => `${oneLine(name)}  ${reason}`),
    ),
  ].join('\n\n');
}

const format = ({ dtype, shape }: { readonly dtype: string; readonly shape: readonly number[] }) =>
  `${dtype} [${shape.join(', ')}]`;

function list(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > SHOWN ? [`  … and ${lines.length - SHOWN} more`] : [];
  return [[title, ...lines.slice(0, SHOWN).map((line) => `  ${line}`), ...more].join('\n')];
}

function differenceTable(differences: readonly TensorDifference[], width: number): string {
  const rows = differences.map((d) => [
    d.name,
    d.relative === null ? '-' : number(d.relative, 3),
    number(d.maxAbs, 3),
    d.cosine === null ? '-' : d.cosine.toFixed(5),
    d.nonFinite > 0 ? `${d.nonFinite} not finite` : forms(d),
  ]);
  return namedTable(['weight', 'relative', 'max |a-b|', 'cosine', 'held as'], rows, width);
}

const form = ({ dtype, rank }: TensorForm) => (rank === null ? dtype : `rank ${rank}`);
const forms = ({ a, b }: TensorDifference) => (form(a) === form(b) ? form(a) : `${form(a)} -> ${form(b)}`);
