import { formatBytes, formatCount } from '../../protocol/format';
import { spreadOf, type Spread } from '../../protocol/statistics';
import { table, type Column } from '../../table';
import type { Comparison, ContenderRecord } from './artifacts';

/** A contender with what its trainings came to. */
export interface Summary extends ContenderRecord {
  /** Over the seeds; undefined before the first training ended. */
  readonly accuracy: Spread | undefined;
  readonly loss: Spread | undefined;
  /** Difference of the accuracy to the baseline of the same seeds; undefined for the baseline itself. */
  readonly lost: Spread | undefined;
  /** Throughput that the saved operations promise, as a share more than the baseline's. */
  readonly idealTrainGain: number;
  readonly checkpoint: string | undefined;
}

/** What every contender came to, in their order. */
export function summarise({ contenders, trials }: Comparison): Summary[] {
  const baseline = contenders.find(({ role }) => role === 'baseline');
  const of = (name: string | undefined) => trials.filter(({ contender }) => contender === name);
  const bySeed = new Map(of(baseline?.name).map(({ seed, accuracy }) => [seed, accuracy]));
  return contenders.map((contender) => {
    const own = of(contender.name);
    const lost = own.flatMap(({ seed, accuracy }) => {
      const base = bySeed.get(seed);
      return base === undefined ? [] : [base - accuracy];
    });
    return {
      ...contender,
      accuracy: spreadOf(own.map(({ accuracy }) => accuracy)),
      loss: spreadOf(own.map(({ loss }) => loss)),
      lost: contender.name === baseline?.name ? undefined : spreadOf(lost),
      idealTrainGain: (baseline?.trainingFlopsPerImage ?? NaN) / contender.trainingFlopsPerImage - 1,
      checkpoint: own.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint,
    };
  });
}

const columns: readonly Column[] = [
  { title: 'model', align: 'left' },
  { title: 'params' },
  { title: 'FLOP' },
  { title: 'right' },
  { title: 'lost' },
  { title: 'train' },
  { title: 'ideal' },
  { title: 'use' },
  { title: 'memory' },
];

const DASH = '–';
const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)}%`;
const signed = (share: number) => `${share >= 0 ? '+' : '−'}${percent(Math.abs(share))}`;

/** `97.32±0.21`, in percent. */
export function points(spread: Spread | undefined): string {
  if (!spread) return DASH;
  const mean = (100 * spread.mean).toFixed(2).replace('-', '−');
  return spread.deviation === undefined ? mean : `${mean}±${(100 * spread.deviation).toFixed(2)}`;
}

/** The comparison as a table for a terminal, with what the numbers are. */
export function comparisonTable(comparison: Comparison): {
  columns: readonly Column[];
  rows: string[][];
  legend: string[];
  notes: string[];
} {
  const summaries = summarise(comparison);
  const rows = summaries.map(({ name, parameters, flopsPerImage, accuracy, lost, speed, idealTrainGain, role }) => [
    name,
    formatCount(parameters),
    formatCount(flopsPerImage),
    points(accuracy),
    points(lost),
    speed ? (role === 'baseline' ? DASH : signed(speed.trainGain)) : DASH,
    role === 'baseline' ? DASH : signed(idealTrainGain),
    speed ? (role === 'baseline' ? DASH : signed(speed.inferenceGain)) : DASH,
    speed ? formatBytes(speed.memoryBytes) : DASH,
  ]);
  const seeds = new Set(comparison.trials.map(({ seed }) => seed)).size;
  return {
    columns,
    rows,
    legend: [
      `right: held-out images answered right, in percent; lost: against the baseline of the same seed (${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ± deviation)`,
      'train, use: images per second more than the baseline in training and in use, measured in turns; ideal: what the operations promise for training',
    ],
    notes: notesOn(summaries),
  };
}

/** What the controls say: plainly, also where one wins. */
function notesOn(summaries: readonly Summary[]): string[] {
  const members = summaries.filter(({ role, accuracy }) => role === 'member' && accuracy);
  const controls = summaries.filter(({ role, accuracy }) => role === 'control' && accuracy);
  return controls.flatMap((control) => {
    const own = members.find(({ skip }) => sameWindow(skip, control.skip));
    if (!own) return [];
    const ahead = own.accuracy!.mean - control.accuracy!.mean;
    const by = `${(100 * Math.abs(ahead)).toFixed(2)} points`;
    return [
      ahead === 0
        ? `${own.name} is as often right as ${control.name}.`
        : `${own.name} is ${by} ${ahead > 0 ? 'better' : 'worse'} than ${control.name}.`,
    ];
  });
}

const sameWindow = (a: ContenderRecord['skip'], b: ContenderRecord['skip']) =>
  a?.start === b?.start && a?.kept === b?.kept && a?.end === b?.end;

/** The table and its notes as lines of a log. */
export function describeTrials(comparison: Comparison): string[] {
  const { columns, rows, legend, notes } = comparisonTable(comparison);
  return [...table(columns, rows).split('\n'), ...legend, ...notes];
}

/** What a run is judged by in lists: its best member, and what that costs against the baseline. */
export function resultOf(comparison: Comparison): Record<string, number> | undefined {
  const summaries = summarise(comparison).filter(({ accuracy }) => accuracy);
  const members = summaries.filter(({ role }) => role === 'member');
  const best = (members.length > 0 ? members : summaries).reduce<Summary | undefined>(
    (most, one) => ((most?.accuracy?.mean ?? -1) >= one.accuracy!.mean ? most : one),
    undefined,
  );
  if (!best) return undefined;
  return {
    'heldOut/accuracy': best.accuracy!.mean,
    'heldOut/loss': best.loss!.mean,
    ...(best.lost && { 'heldOut/accuracyLost': best.lost.mean }),
    ...(best.speed && best.role === 'member' && { trainGain: best.speed.trainGain }),
    parameters: best.parameters,
  };
}
