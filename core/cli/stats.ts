import * as l10n from '@vscode/l10n';
import { isDtype } from '../checkpoint/dtype';
import { withCheckpoints } from '../checkpoint/open';
import type { TensorReader } from '../checkpoint/safetensors';
import type { ProgressOptions } from '../checkpoint/read-ahead';
import { statisticsOfEach } from '../inspection/statistics/of-tensors';
import { UserError } from '../errors';
import { formatCount, formatInteger, formatShare } from '../protocol/format';
import type { Spectrum, TensorStatistics } from '../protocol/inspection';
import { damagedFirst, infinities, isDamaged, statisticsFinding } from '../protocol/checkpoint-statistics';
import { table } from '../table';
import { oneLine } from '../terminal-text';
import type { AddCommand } from './context';
import { namedTable } from './named-table';
import { color, columns, fields, number, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';
import { interruptible } from './work';

interface StatsOptions extends JsonOption {
  readonly spectrum?: true;
}

interface Stats {
  readonly path: string;
  /** Names of the tensors that hold NaN or Inf. */
  readonly damaged: readonly string[];
  /** Those with NaN or Inf first. */
  readonly statistics: readonly TensorStatistics[];
  /** Tensors of dtypes whose values are not read. */
  readonly unread: readonly { readonly name: string; readonly dtype: string }[];
  readonly spectra?: readonly Spectrum[];
}

export const addStats: AddCommand = (program) => {
  withJson(program.command('stats <checkpoint> [tensor...]'))
    .description('statistics of the values of tensors; a module stands for all tensors in it')
    .option('--spectrum', 'also compute the singular values of weights: ranks, energy')
    .action(async (target: string, names: readonly string[], options: StatsOptions) => {
      const stats = await interruptible((work) =>
        withCheckpoints([target], ({ reader }) => collect(reader, names, options.spectrum ?? false, work)),
      );
      if (stats === undefined) return;
      if (options.json) printJson(stats);
      else print(names.length > 0 ? details(stats) : overview(stats));
    });
};

async function collect(
  reader: TensorReader,
  names: readonly string[],
  spectrum: boolean,
  { signal, onProgress }: ProgressOptions,
): Promise<Stats> {
  const asked = names.length > 0 ? [...new Set(names.flatMap((name) => resolve(reader, name)))] : allNames(reader);
  const isUnread = (name: string) => !isDtype(reader.tensors.get(name)!.dtype);
  // What was asked for by its own name is refused by its dtype's.
  const chosen = asked.filter((name) => names.includes(name) || !isUnread(name));
  const found: TensorStatistics[] = [];
  for await (const one of statisticsOfEach(reader, chosen, { signal, onProgress })) found.push(one);
  const statistics = damagedFirst(found);
  const damaged = statistics.filter(isDamaged).map(({ name }) => name);
  const unread = asked.filter(isUnread).map((name) => ({ name, dtype: reader.tensors.get(name)!.dtype }));
  const stats = { path: reader.name, damaged, statistics, unread };
  return spectrum ? { ...stats, spectra: await collectSpectra(reader, chosen, { signal, onProgress }) } : stats;
}

async function collectSpectra(
  reader: TensorReader,
  chosen: readonly string[],
  options: ProgressOptions,
): Promise<Spectrum[]> {
  const { factorPairs } = await import('../checkpoint/factors');
  const { spectrumOf } = await import('../inspection/spectrum');
  const layers = new Map(
    [...factorPairs(reader.tensors).values()].flatMap(({ path, u, v }) => [
      [u.name, path],
      [v.name, path],
    ]),
  );
  const isMatrix = (name: string) => {
    const { shape } = reader.tensors.get(name)!;
    return shape.length > 1 && !shape.includes(0);
  };
  const spectra: Spectrum[] = [];
  for (const name of new Set(chosen.filter(isMatrix).map((tensor) => layers.get(tensor) ?? tensor))) {
    spectra.push(await spectrumOf(reader, name, options));
  }
  return spectra;
}

const allNames = ({ tensors }: TensorReader) => [...tensors.keys()];

/** The tensor of that name, or those of the module. */
function resolve(reader: TensorReader, name: string): string[] {
  if (reader.tensors.has(name)) return [name];
  const inside = [...reader.tensors.keys()].filter((tensor) => tensor.startsWith(`${name}.`));
  if (inside.length > 0) return inside;
  throw new UserError(
    'stats.no-tensor',
    l10n.t`${reader.name} has no tensor or module ${JSON.stringify(name)}.`,
    l10n.t`"winnow inspect ${reader.name}" lists them.`,
  );
}

const orDash = (value: number | null) => (value === null ? '-' : number(value, 3));

function damage(statistics: TensorStatistics): string {
  const infinite = infinities(statistics);
  return [
    statistics.nan > 0 ? `${formatCount(statistics.nan)} NaN` : '',
    infinite > 0 ? `${formatCount(infinite)} Inf` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

const largest = ({ min, max }: TensorStatistics) => (min === null || max === null ? null : Math.max(-min, max));
const share = (part: number, whole: number) => (whole > 0 ? formatShare(part / whole) : '-');

function overview({ statistics, damaged, unread, spectra }: Stats): string {
  const rows = statistics.map((s) => [
    isDamaged(s) ? `! ${s.name}` : s.name,
    s.dtype,
    formatCount(s.elements),
    orDash(s.mean),
    orDash(s.std),
    orDash(largest(s)),
    share(s.zeros, s.elements),
    ...(damaged.length > 0 ? [formatCount(s.nan), formatCount(infinities(s))] : []),
  ]);
  const titles = ['tensor', 'dtype', 'elements', 'mean', 'std', 'max |x|', 'zeros'];
  const finding = statisticsFinding(statistics);
  return [
    damaged.length > 0 ? color('red', finding) : finding,
    ...(rows.length > 0
      ? [namedTable([...titles, ...(damaged.length > 0 ? ['NaN', 'Inf'] : [])], rows, columns())]
      : []),
    ...(unread.length > 0 ? [unreadFinding(unread)] : []),
    ...(spectra ? ['', spectrumTable(spectra)] : []),
  ].join('\n');
}

/** `2 tensors are of dtypes whose values are not read: C64, F4.` */
function unreadFinding(unread: Stats['unread']): string {
  const dtypes = [...new Set(unread.map(({ dtype }) => dtype))].sort().join(', ');
  return unread.length === 1
    ? `1 tensor has a dtype that Winnow cannot read: ${dtypes}.`
    : `${formatCount(unread.length)} tensors have dtypes that Winnow cannot read: ${dtypes}.`;
}

function spectrumTable(spectra: readonly Spectrum[]): string {
  const rankFor = ({ rankFor }: Spectrum, energy: number) =>
    String(rankFor.find((entry) => entry.energy === energy)?.rank ?? '-');
  const rows = spectra.map((s) => [
    s.name,
    `${s.rows}x${s.cols}`,
    orDash(s.effectiveRank),
    orDash(s.stableRank),
    rankFor(s, 0.9),
    rankFor(s, 0.99),
    String(s.breakEvenRank),
  ]);
  const legend = [
    'eff, stable: effective and stable rank   90%, 99%: rank that keeps this energy',
    'even: the rank above which factors are larger than the full weight',
  ].join('\n');
  const titles = ['weight', 'size', 'eff', 'stable', '90%', '99%', 'even'];
  return `${namedTable(titles, rows, columns())}\n${color('dim', legend)}`;
}

function details({ statistics, unread, spectra = [] }: Stats): string {
  const rest = unread.length > 0 ? [unreadFinding(unread)] : [];
  return [...statistics.map(describe), ...rest, ...spectra.map(describeSpectrum)].join('\n\n');
}

function describe(s: TensorStatistics): string {
  const shape = s.shape.length === 0 ? 'scalar' : s.shape.join(' x ');
  const rows: (readonly [string, string])[] = [
    ['elements', `${s.elements.toLocaleString('en-US')}, ${share(s.zeros, s.elements)} zeros`],
    ...(isDamaged(s) ? [['not finite', color('red', damage(s))] as const] : []),
    ['mean, std', `${orDash(s.mean)}, ${orDash(s.std)}`],
    ['rms, norm', `${orDash(s.rms)}, ${orDash(s.l2)}`],
    ['min, max', extremes(s).join(', ')],
  ];
  const quantiles = s.quantiles.length === 0 ? [] : [quantileLines(s)];
  return [color('bold', `${oneLine(s.name)}  ${shape}  ${s.dtype}`), fields(rows), ...quantiles].join('\n');
}

const extremes = ({ min, max, exact }: TensorStatistics) =>
  exact ? [exact.min, exact.max].map(formatInteger) : [min, max].map(orDash);

function quantileLines({ quantiles, quantileError }: TensorStatistics): string {
  const exact = quantileError === 0 ? '' : `, each with a relative error of at most ${formatShare(quantileError)}`;
  // Nine quantiles of seven characters fill 80 columns.
  return [
    `quantiles${exact}`,
    table(
      quantiles.map(({ p }) => ({ title: `${Number((p * 100).toFixed(1))}%` })),
      [quantiles.map(({ value }) => short(value))],
    ),
  ].join('\n');
}

const short = (value: number) => {
  const text = number(value, 2);
  return text.length <= 7 ? text : value.toExponential(0);
};

function describeSpectrum(s: Spectrum): string {
  const form = s.factors === null ? '' : `, factors of rank ${s.factors.rank}`;
  const kept = s.rankFor.map(({ energy, rank }) => `${Number((energy * 100).toFixed(1))}%: ${rank}`);
  return [
    color('bold', `${oneLine(s.name)}  ${s.rows} x ${s.cols}${form}: singular values`),
    fields([
      ['largest, least', `${orDash(s.singularValues[0] ?? null)}, ${orDash(s.singularValues.at(-1) ?? null)}`],
      ['effective rank', orDash(s.effectiveRank)],
      ['stable rank', orDash(s.stableRank)],
      ['numerical rank', String(s.numericalRank)],
      ['rank by energy', kept.join('  ')],
      ['break-even', `rank ${s.breakEvenRank}: above it factors are larger than the full weight`],
    ]),
  ].join('\n');
}
