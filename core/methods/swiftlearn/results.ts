import * as l10n from '@vscode/l10n';
import { dropOf } from '../../protocol/metric-drop';
import { RESULTS_VERSION, type Metric, type ResultPoint, type Results } from '../../protocol/results';
import { spreadOf, type Spread } from '../../protocol/statistics';
import { knownValues } from '../../comparison/known-values';
import { pairedBySeed } from '../../comparison/paired';
import { seriesOf } from '../../comparison/series';
import type { DoneTrial } from '../../comparison/trial';
import type { SelectionFacts, SelectionOutcome, VariantRecord } from './artifacts';

/** The trials of a comparison that have finished so far. */
export interface SelectionComparison {
  readonly facts: SelectionFacts;
  readonly variants: readonly VariantRecord[];
  readonly trials: readonly DoneTrial<SelectionOutcome>[];
}

/** A variant with the results of its trainings. */
export interface SelectionSummary extends VariantRecord {
  /** Final metrics by name, over the seeds; empty before the first training has ended. */
  readonly metrics: Readonly<Record<string, Spread>>;
  /** The primary metric; undefined before the first training has ended. */
  readonly quality: Spread | undefined;
  /** Drop of the primary metric from all data with the same seeds; undefined for all data itself. */
  readonly drop: Spread | undefined;
  /** Mean cost, in samples trained on. */
  readonly work: number | undefined;
  /** Mean seconds of training and scoring. */
  readonly seconds: number | undefined;
  /** How many times cheaper than all data: by work, and by wall-clock time in the same run. */
  readonly lessWork: number | undefined;
  readonly faster: Spread | undefined;
  readonly seeds: readonly number[];
  readonly checkpoint: string | undefined;
}

const lastOf = ({ curve }: SelectionOutcome) => curve.at(-1)!;
const mean = (values: readonly number[]) =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Summarizes every variant, in order. */
export function summarizeSelection({ variants, trials, facts: { metric } }: SelectionComparison): SelectionSummary[] {
  const baseline = variants.find(({ role }) => role === 'baseline')?.name;
  const of = (name: string | undefined) => trials.filter(({ variant }) => variant === name);
  const baseWork = mean(of(baseline).map((trial) => lastOf(trial).work));
  return variants.map((variant) => {
    const own = of(variant.name);
    const ends = own.map(lastOf);
    const valuesOf = (name: string) => ends.flatMap(({ metrics }) => metrics[name] ?? []);
    const names = Object.keys(ends[0]?.metrics ?? {});
    const paired = pairedBySeed(trials, variant.name, baseline).map(({ own: trial, base }) => ({
      base: lastOf(base),
      end: lastOf(trial),
    }));
    const isBaseline = variant.name === baseline;
    const work = mean(ends.map((end) => end.work));
    const spreads = names.flatMap((name) => {
      const spread = spreadOf(valuesOf(name));
      return spread ? [[name, spread] as const] : [];
    });
    return {
      ...variant,
      metrics: Object.fromEntries(spreads),
      quality: spreadOf(valuesOf(metric)),
      drop: isBaseline
        ? undefined
        : spreadOf(paired.map(({ base, end }) => (base.metrics[metric] ?? NaN) - (end.metrics[metric] ?? NaN))),
      work,
      seconds: mean(ends.map(({ seconds }) => seconds)),
      lessWork: isBaseline || baseWork === undefined || work === undefined ? undefined : baseWork / work,
      faster: isBaseline ? undefined : spreadOf(paired.map(({ base, end }) => base.seconds / end.seconds)),
      seeds: own.map(({ seed }) => seed),
      checkpoint: own.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint,
    };
  });
}

/** `accuracy` of `heldOut/accuracy`. */
const nameOf = (metric: string) => metric.replace(/^.*\//, '');

/** Describes a metric of the task. For a loss, perplexity or error, lower is better. */
function qualityOf(key: string, isPrimary: boolean): Metric {
  const isLoss = /loss|perplexity|error/i.test(key);
  return {
    key,
    label: nameOf(key),
    unit: isLoss ? '' : '%',
    better: isLoss ? 'lower' : 'higher',
    role: 'quality',
    ...(isPrimary && { title: 'result', format: POINTS }),
  };
}

const POINTS = { as: 'fixed', digits: 2, spread: true } as const;
const TIMES = { as: 'fixed', digits: 2, suffix: 'x' } as const;

const costs = (): readonly Metric[] => [
  {
    key: 'lessWork',
    label: l10n.t('Times less work than all data'),
    title: 'less work',
    unit: 'x',
    better: 'higher',
    role: 'cost',
    format: TIMES,
    toBaseline: true,
  },
  {
    key: 'work',
    label: l10n.t('Work, in samples'),
    title: 'work',
    unit: '',
    better: 'lower',
    role: 'cost',
    format: { as: 'fixed', digits: 0, grouped: true },
  },
  {
    key: 'seconds',
    label: l10n.t('Time of training and scoring'),
    title: 'seconds',
    unit: 's',
    better: 'lower',
    role: 'cost',
    format: { as: 'fixed', digits: 1 },
    measured: true,
  },
  {
    key: 'faster',
    label: l10n.t('Times faster than all data'),
    title: 'faster',
    unit: 'x',
    better: 'higher',
    role: 'cost',
    format: TIMES,
    toBaseline: true,
    measured: true,
  },
  { key: 'keep', label: l10n.t('Share of the samples kept'), unit: '%', better: 'lower', role: 'degree' },
  {
    key: 'epochs',
    label: l10n.t('Epochs'),
    title: 'epochs',
    unit: '',
    better: 'lower',
    role: 'cost',
    format: { as: 'fixed', digits: 0 },
    tableOnly: true,
  },
];

const dropMetric = (metric: string): Metric => ({
  key: dropOf(metric),
  label: l10n.t`${capitalized(nameOf(metric))} drop from all data, points`,
  title: 'drop',
  unit: '',
  better: 'lower',
  role: 'quality',
  format: POINTS,
  toBaseline: true,
});

const capitalized = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

/** The results of a comparison: one point per variant, with means over its seeds. */
export function selectionResults(comparison: SelectionComparison): Results {
  const { facts, trials } = comparison;
  const { labelNoise, ...rest } = facts;
  const { metric, heldOutSamples } = facts;
  const summaries = summarizeSelection(comparison);
  const { series, nameOf: seriesNameOf } = seriesOf(summaries.map(({ series: title, role }) => ({ title, role })));
  const others = [...new Set(summaries.flatMap(({ metrics }) => Object.keys(metrics)))].filter((one) => one !== metric);
  const metrics = [
    ...costs(),
    qualityOf(metric, true),
    dropMetric(metric),
    ...others.map((key) => qualityOf(key, false)),
  ];
  const seeds = new Set(trials.map(({ seed }) => seed)).size;
  return {
    version: RESULTS_VERSION,
    metrics,
    series: [...series],
    points: summaries.map((summary) =>
      pointOf(summary, seriesNameOf({ title: summary.series, role: summary.role }), { metric, axes: metrics }),
    ),
    table: {
      name: 'samples',
      columns: ['epochs', metric, dropOf(metric), 'work', 'lessWork', 'seconds', 'faster'],
      legend: [
        `result: ${nameOf(metric)} of ${heldOutSamples} held-out samples, in percent`,
        `drop: from all data with the same seed, in points (${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ± deviation)`,
        'work: samples trained on; scoring counts a third',
        'seconds: training and scoring, measured on this machine',
      ],
    },
    notes: [...notesOn(comparison, summaries), ...wrongLabelNotes(comparison)],
    details: { ...rest, ...(labelNoise !== undefined && { labelNoise }) },
  };
}

function pointOf(
  summary: SelectionSummary,
  series: string,
  { metric, axes }: { readonly metric: string; readonly axes: readonly Metric[] },
): ResultPoint {
  const { name, role, metrics, drop, work, seconds, lessWork, faster, keep, epochs, description, checkpoint, seeds } =
    summary;
  const scaleOf = (key: string) => (axes.find((one) => one.key === key)?.unit === '%' ? 100 : 1);
  const scaled = (pick: (name: string) => number | undefined) =>
    Object.fromEntries(Object.keys(metrics).map((key) => [key, times(pick(key), scaleOf(key))]));
  return {
    name,
    series,
    seeds: [...seeds],
    values: knownValues({
      // All data is the baseline, so its ratios are 1.
      lessWork: role === 'baseline' ? 1 : lessWork,
      work,
      seconds,
      faster: role === 'baseline' ? 1 : faster?.mean,
      keep: 100 * keep,
      epochs,
      [dropOf(metric)]: times(drop?.mean, 100),
      ...scaled((key) => metrics[key]?.mean),
    }),
    spread: knownValues({
      faster: faster?.deviation,
      [dropOf(metric)]: times(drop?.deviation, 100),
      ...scaled((key) => metrics[key]?.deviation),
    }),
    ...(checkpoint !== undefined && { checkpoint }),
    details: { samples: description },
  };
}

const times = (value: number | undefined, factor: number) => (value === undefined ? undefined : factor * value);

/** Notes that compare each member with its controls, including when a control wins. */
function notesOn(comparison: SelectionComparison, summaries: readonly SelectionSummary[]): string[] {
  return summaries
    .filter(({ role, quality }) => role === 'member' && quality)
    .map((member) => {
      const rivals = rivalsOf(comparison, member, summaries);
      const dearer = best(rivals.filter(({ cost, ahead }) => cost > AS_COSTLY && cost <= DEARER && ahead > 0));
      const said = verdict(member.name, best(rivals.filter(({ cost }) => cost <= AS_COSTLY)));
      return dearer
        ? l10n.t`${said}; ${dearer.name}, at ${dearer.cost.toFixed(2)} times its cost, is ${pointsOf(dearer)} better.`
        : `${said}.`;
    })
    .concat(oracleNotes(comparison, summaries));
}

/** How each member compares with the oracle, which is no rival. */
function oracleNotes(comparison: SelectionComparison, summaries: readonly SelectionSummary[]): string[] {
  const oracle = summaries.find((one) => one.oracle);
  if (!oracle) return [];
  return summaries.flatMap(({ name, role }) => {
    const ahead = role === 'member' ? spreadOf(differences(comparison, name, oracle.name)) : undefined;
    if (!ahead) return [];
    const points = l10n.t`${Math.abs(ahead.mean).toFixed(2)} points`;
    return ahead.mean >= 0
      ? l10n.t`${name} is ${points} better than all data stopped at its best epoch, which only the held-out samples tell (an oracle).`
      : l10n.t`${name} is ${points} worse than all data stopped at its best epoch, which only the held-out samples tell (an oracle).`;
  });
}

/** How many labels look wrong to each member, beside the truth where that is known: means over the seeds. */
function wrongLabelNotes({ variants, trials }: SelectionComparison): string[] {
  return variants.flatMap(({ name }) => {
    const found = trials.flatMap(({ variant, wrong }) => (variant === name && wrong ? [wrong] : []));
    if (found.length === 0) return [];
    const percentOf = (pick: (one: (typeof found)[number]) => number) => (100 * mean(found.map(pick))!).toFixed(1);
    const [share, low, high] = [
      percentOf((one) => one.share),
      percentOf((one) => one.low),
      percentOf((one) => one.high),
    ];
    const isListed = found.some(({ listed }) => listed > 0);
    const said = isListed
      ? l10n.t`${name}: about ${share} % of the labels look wrong (${low} to ${high} %)`
      : l10n.t`${name}: no labels look wrong (at most ${high} %)`;
    const truths = found.flatMap(({ truth }) => truth ?? []);
    if (truths.length === 0) return [`${said}.`];
    const known = (pick: (one: (typeof truths)[number]) => number) => (100 * mean(truths.map(pick))!).toFixed(1);
    const [real, precision, recall] = [
      known((one) => one.share),
      known((one) => one.precision),
      known((one) => one.recall),
    ];
    if (truths.every((one) => one.share === 0)) return [l10n.t`${said}; none were made wrong.`];
    if (!isListed) return [l10n.t`${said}; ${real} % were made wrong.`];
    return [
      l10n.t`${said}; ${real} % were made wrong. Of the listed samples ${precision} % are wrong, and ${recall} % of the wrong ones are listed.`,
    ];
  });
}

/** Controls up to this many times a member's cost count as costing about as much. */
const AS_COSTLY = 1.1;
/** Controls above this many times a member's cost are not mentioned. */
const DEARER = 1.5;

/** A control compared with a member. */
interface Rival {
  readonly name: string;
  /** Cost relative to the member's. */
  readonly cost: number;
  /** Points by which it beats the member: mean and standard deviation over the seeds that both were trained with. */
  readonly ahead: number;
  readonly deviation: number;
}

function rivalsOf(
  comparison: SelectionComparison,
  member: SelectionSummary,
  summaries: readonly SelectionSummary[],
): Rival[] {
  return summaries.flatMap(({ name, role, work, keep, oracle }) => {
    const ahead = spreadOf(differences(comparison, name, member.name));
    if (oracle) return [];
    if (role !== 'control' || work === undefined || !ahead || !(keep === member.keep || keep === 1)) return [];
    return [{ name, cost: work / member.work!, ahead: ahead.mean, deviation: ahead.deviation ?? 0 }];
  });
}

/** Points by which one variant beats another, for each seed that both were trained with. */
function differences({ trials, facts: { metric } }: SelectionComparison, one: string, other: string): number[] {
  const valueOf = (trial: (typeof trials)[number]) => lastOf(trial).metrics[metric] ?? NaN;
  return pairedBySeed(trials, one, other).map(({ own, base }) => 100 * (valueOf(own) - valueOf(base)));
}

const best = (rivals: readonly Rival[]): Rival | undefined =>
  rivals.reduce<Rival | undefined>((most, one) => (most && most.ahead >= one.ahead ? most : one), undefined);

const pointsOf = ({ ahead }: Rival) => l10n.t`${Math.abs(ahead).toFixed(2)} points`;

function verdict(member: string, rival: Rival | undefined): string {
  if (!rival) return l10n.t`${member} has no control that costs as little`;
  const { name, ahead, deviation } = rival;
  if (Math.abs(ahead) < deviation)
    return l10n.t`${member} and the best control that costs about as much, ${name}, differ less than seeds do (by ${pointsOf(rival)})`;
  if (ahead < 0)
    return l10n.t`${member} is better than every control that costs about as much, by ${pointsOf(rival)} than ${name}`;
  return ahead === 0
    ? l10n.t`${name}, which costs about as much, is as good as ${member}`
    : l10n.t`${name}, which costs about as much, is ${pointsOf(rival)} better than ${member}`;
}

/** The summary of a run in lists: its best member, and that member's cost compared with all data. */
export function selectionResult(comparison: SelectionComparison): Record<string, number> | undefined {
  const members = summarizeSelection(comparison).filter(({ role, quality }) => role === 'member' && quality);
  const best = members.reduce<SelectionSummary | undefined>(
    (most, one) => ((most?.quality?.mean ?? -Infinity) >= one.quality!.mean ? most : one),
    undefined,
  );
  if (!best) return undefined;
  return {
    ...Object.fromEntries(Object.entries(best.metrics).map(([name, spread]) => [name, spread.mean])),
    ...(best.drop && { [`heldOut/${dropOf(comparison.facts.metric)}`]: best.drop.mean }),
    ...(best.lessWork !== undefined && { lessWork: best.lessWork }),
  };
}
