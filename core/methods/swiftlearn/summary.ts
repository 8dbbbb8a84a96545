import { spreadOf, type Spread } from '../../protocol/statistics';
import { table, type Column } from '../../table';
import type { ChosenTrial, ContestantRecord, SelectionComparison } from './artifacts';

/** A contestant with what its trainings came to. */
export interface ContestantSummary extends ContestantRecord {
  /** Of the finished models, by name, over the seeds; empty before the first training ended. */
  readonly metrics: Readonly<Record<string, Spread>>;
  /** The metric that is judged by; undefined before the first training ended. */
  readonly quality: Spread | undefined;
  /** Difference of it to all data with the same seeds; undefined for all data itself. */
  readonly lost: Spread | undefined;
  /** Mean cost as samples trained on. */
  readonly work: number | undefined;
  /** Mean seconds of training and scoring. */
  readonly seconds: number | undefined;
  /** How many times cheaper than all data: by samples, and by the clock of the same run. */
  readonly lessWork: number | undefined;
  readonly faster: Spread | undefined;
  readonly checkpoint: string | undefined;
}

const lastOf = ({ curve }: ChosenTrial) => curve.at(-1)!;
const mean = (values: readonly number[]) =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/** What every contestant came to, in their order. */
export function summariseSelection({ contestants, trials, metric }: SelectionComparison): ContestantSummary[] {
  const baseline = contestants.find(({ role }) => role === 'baseline')?.name;
  const of = (name: string | undefined) => trials.filter(({ contestant }) => contestant === name);
  const bySeed = new Map(of(baseline).map((trial) => [trial.seed, lastOf(trial)]));
  const baseWork = mean([...bySeed.values()].map(({ work }) => work));
  return contestants.map((contestant) => {
    const own = of(contestant.name);
    const ends = own.map(lastOf);
    const valuesOf = (name: string) => ends.flatMap(({ metrics }) => metrics[name] ?? []);
    const names = Object.keys(ends[0]?.metrics ?? {});
    const paired = own.flatMap((trial) => {
      const base = bySeed.get(trial.seed);
      return base ? [{ base, end: lastOf(trial) }] : [];
    });
    const isBaseline = contestant.name === baseline;
    const work = mean(ends.map((end) => end.work));
    const spreads = names.flatMap((name) => {
      const spread = spreadOf(valuesOf(name));
      return spread ? [[name, spread] as const] : [];
    });
    return {
      ...contestant,
      metrics: Object.fromEntries(spreads),
      quality: spreadOf(valuesOf(metric)),
      lost: isBaseline
        ? undefined
        : spreadOf(paired.map(({ base, end }) => (base.metrics[metric] ?? NaN) - (end.metrics[metric] ?? NaN))),
      work,
      seconds: mean(ends.map(({ seconds }) => seconds)),
      lessWork: isBaseline || baseWork === undefined || work === undefined ? undefined : baseWork / work,
      faster: isBaseline ? undefined : spreadOf(paired.map(({ base, end }) => base.seconds / end.seconds)),
      checkpoint: own.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint,
    };
  });
}

const columns: readonly Column[] = [
  { title: 'samples', align: 'left' },
  { title: 'epochs' },
  { title: 'result' },
  { title: 'lost' },
  { title: 'work' },
  { title: 'less work' },
  { title: 'seconds' },
  { title: 'faster' },
];

const DASH = '–';
const times = (value: number) => `${value.toFixed(2)}x`;

/** `97.32±0.21`, in percent. */
function points(spread: Spread | undefined): string {
  if (!spread) return DASH;
  const middle = (100 * spread.mean).toFixed(2).replace('-', '−');
  return spread.deviation === undefined ? middle : `${middle}±${(100 * spread.deviation).toFixed(2)}`;
}

/** The comparison as a table for a terminal, with what the numbers are and what the controls say. */
export function selectionTable(comparison: SelectionComparison): {
  columns: readonly Column[];
  rows: string[][];
  legend: string[];
  notes: string[];
} {
  const summaries = summariseSelection(comparison);
  const seeds = new Set(comparison.trials.map(({ seed }) => seed)).size;
  return {
    columns,
    rows: summaries.map(({ name, epochs, quality, lost, work, lessWork, seconds, faster }) => [
      name,
      String(epochs),
      points(quality),
      points(lost),
      work === undefined ? DASH : Math.round(work).toLocaleString('en-US'),
      lessWork === undefined ? DASH : times(lessWork),
      seconds === undefined ? DASH : seconds.toFixed(1),
      faster ? times(faster.mean) : DASH,
    ]),
    legend: [
      `result: ${comparison.metric.replace(/^heldOut\//, '')} of ${comparison.heldOutSamples} held-out samples, in percent; lost: against all data with the same seed (${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ± deviation)`,
      'work: samples trained on, scoring counts a third; seconds: training and scoring on this machine, as busy as it was',
    ],
    notes: notesOn(comparison, summaries),
  };
}

/** What the controls say: plainly, also where one wins. */
function notesOn(comparison: SelectionComparison, summaries: readonly ContestantSummary[]): string[] {
  return summaries
    .filter(({ role, quality }) => role === 'member' && quality)
    .map((member) => {
      const rivals = rivalsOf(comparison, member, summaries);
      const dearer = best(rivals.filter(({ cost, ahead }) => cost > AS_COSTLY && cost <= DEARER && ahead > 0));
      const also = dearer
        ? `; ${dearer.name}, at ${dearer.cost.toFixed(2)} times its cost, is ${pointsOf(dearer)} better`
        : '';
      return `${verdict(member.name, best(rivals.filter(({ cost }) => cost <= AS_COSTLY)))}${also}.`;
    });
}

/** Of what costs more than this, it is not said that it costs about as much. */
const AS_COSTLY = 1.1;
/** Of what costs more than this, it is not said at all that it is better. */
const DEARER = 1.5;

/** A control beside a member. */
interface Rival {
  readonly name: string;
  /** Times the member's. */
  readonly cost: number;
  /** Points that it is ahead, mean and deviation over the seeds that both were trained with. */
  readonly ahead: number;
  readonly deviation: number;
}

function rivalsOf(
  comparison: SelectionComparison,
  member: ContestantSummary,
  summaries: readonly ContestantSummary[],
): Rival[] {
  return summaries.flatMap(({ name, role, work, keep }) => {
    const ahead = spreadOf(differences(comparison, name, member.name));
    if (role !== 'control' || work === undefined || !ahead || !(keep === member.keep || keep === 1)) return [];
    return [{ name, cost: work / member.work!, ahead: ahead.mean, deviation: ahead.deviation ?? 0 }];
  });
}

/** By how many points one contestant is ahead of another, for each seed that both were trained with. */
function differences({ trials, metric }: SelectionComparison, one: string, other: string): number[] {
  const of = (name: string) => trials.filter(({ contestant }) => contestant === name);
  const bySeed = new Map(of(other).map((trial) => [trial.seed, lastOf(trial).metrics[metric] ?? NaN]));
  return of(one).flatMap((trial) => {
    const value = bySeed.get(trial.seed);
    return value === undefined ? [] : [100 * ((lastOf(trial).metrics[metric] ?? NaN) - value)];
  });
}

const best = (rivals: readonly Rival[]): Rival | undefined =>
  rivals.reduce<Rival | undefined>((most, one) => (most && most.ahead >= one.ahead ? most : one), undefined);

const pointsOf = ({ ahead }: Rival) => `${Math.abs(ahead).toFixed(2)} points`;

function verdict(member: string, rival: Rival | undefined): string {
  if (!rival) return `${member} has no control that costs as little`;
  const { name, ahead, deviation } = rival;
  if (Math.abs(ahead) < deviation)
    return `${member} and the best control that costs about as much, ${name}, differ less than seeds do (by ${pointsOf(rival)})`;
  if (ahead < 0)
    return `${member} is better than every control that costs about as much, by ${pointsOf(rival)} than ${name}`;
  return `${name}, which costs about as much, is ${ahead === 0 ? 'as good as' : `${pointsOf(rival)} better than`} ${member}`;
}

/** The table and its notes as lines of a log. */
export function describeSelection(comparison: SelectionComparison): string[] {
  const { rows, legend, notes } = selectionTable(comparison);
  return [...table(columns, rows).split('\n'), ...legend, ...notes];
}

/** What a run is judged by in lists: its best member, and what that costs against all data. */
export function resultOf(comparison: SelectionComparison): Record<string, number> | undefined {
  const members = summariseSelection(comparison).filter(({ role, quality }) => role === 'member' && quality);
  const best = members.reduce<ContestantSummary | undefined>(
    (most, one) => ((most?.quality?.mean ?? -Infinity) >= one.quality!.mean ? most : one),
    undefined,
  );
  if (!best) return undefined;
  return {
    ...Object.fromEntries(Object.entries(best.metrics).map(([name, spread]) => [name, spread.mean])),
    ...(best.lost && { 'heldOut/lost': best.lost.mean }),
    ...(best.lessWork !== undefined && { lessWork: best.lessWork }),
  };
}
