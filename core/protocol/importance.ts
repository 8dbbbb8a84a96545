import * as l10n from '@vscode/l10n';
import type { CommonRequests } from './targets';

/** The kind of training data: the key of the spec that names it. */
export const DATA_KINDS = ['texts', 'images', 'language'] as const;
export type DataKind = (typeof DATA_KINDS)[number];

/** Ways to score how much a sample matters for training. */
export const SCORES = ['el2n', 'loss', 'gradient', 'change', 'forgetting'] as const;
export type ScoreKind = (typeof SCORES)[number];

/** What happened to a sample at a selection: kept again, kept after it had been dropped, or dropped. */
export const sampleStates = ['kept', 'returned', 'dropped'] as const;
export type SampleState = (typeof sampleStates)[number];

/** Ways to list samples. */
export const sampleLists = ['important', 'least', 'forgotten', 'mislabeled'] as const;
export type SampleList = (typeof sampleLists)[number];

/** Whether samples have labels, which can be wrong; blocks of text have none. */
export const isLabeled = (data: DataKind): boolean => data !== 'language';

/** Whether a list contains all samples; the other lists are about labels. */
export const isOfAll = (list: SampleList): boolean => list === 'important' || list === 'least';

/** The lists that make sense for a run. For regression, `forgotten` does not: numbers are nearly always a little off. */
export const listsOf = ({ data, classes }: Pick<ImportanceOverview, 'data' | 'classes'>): SampleList[] =>
  sampleLists.filter((list) => isOfAll(list) || (isLabeled(data) && (list !== 'forgotten' || classes.length > 0)));

/** The share of the training labels that look wrong at a selection; all three from 0 to 1. */
export interface WrongLabels {
  readonly share: number;
  /** The 90 % confidence interval of the share. */
  readonly low: number;
  readonly high: number;
  /** How many samples look wrong: those with the highest `suspicion` at that selection. */
  readonly listed: number;
}

/** How `labelNoise` changes labels: to another class by chance, or each class to one other. */
export const NOISE_KINDS = ['random', 'pairs'] as const;
export type NoiseKind = (typeof NOISE_KINDS)[number];

/** Labels that were made wrong on purpose, for experiments, so that the true ones are known. */
export interface KnownNoise {
  /** Share of the training labels that was asked for. */
  readonly share: number;
  readonly kind: NoiseKind;
  readonly seed: number;
  /** Number of training labels that were changed. */
  readonly flipped: number;
}

/** One selection of samples. */
export interface PassSummary {
  /** Epochs done before the selection; also its name. */
  readonly epoch: number;
  /** The lowest score that was kept; null if the samples were drawn at random. */
  readonly threshold: number | null;
  readonly kept: number;
  readonly returned: number;
  /** Estimated from the predictions so far; undefined without classes, and in runs of earlier versions. */
  readonly wrong?: WrongLabels | undefined;
  /** Samples that were left out because their labels are probably wrong; undefined in runs of earlier versions. */
  readonly leftOut?: number | undefined;
}

/** What a run found out about its samples, without the samples themselves. */
export interface ImportanceOverview {
  readonly data: DataKind;
  /** Variant and seed of the training that was recorded. */
  readonly variant: string;
  readonly seed: number;
  readonly score: ScoreKind;
  /** Share of the samples that is kept. */
  readonly keep: number;
  /** Share of the samples, those with the highest scores, that is left out; 'auto' for those that look wrong. */
  readonly skipHardest: number | 'auto';
  /** Whether samples were selected separately for each class. */
  readonly balanced: boolean;
  readonly samples: number;
  /** Class names; empty for regression and for unlabeled samples. */
  readonly classes: readonly string[];
  /** Undefined if the labels are as they came. */
  readonly labelNoise?: KnownNoise | undefined;
  /** In the order of the epochs. */
  readonly passes: readonly PassSummary[];
  readonly flagged: number;
  /** What the spec names as the data; undefined if another version of Winnow made the run. */
  readonly source?: string | undefined;
}

/** The run that a panel shows. */
export interface ImportanceRun {
  readonly runName: string;
  /** Whether more selections may come. */
  readonly live: boolean;
  readonly overview?: ImportanceOverview | undefined;
  /** A sentence on why there is nothing to show. */
  readonly problem?: string;
}

export interface HistogramQuery {
  /** The selection, by its epoch. */
  readonly epoch: number;
  /** Index of a class; all classes by default. */
  readonly label?: number | undefined;
  /** Number of bars; 40 by default. */
  readonly bins?: number | undefined;
  /** Scale of the bars; by default the one that suits the scores of the last selection. */
  readonly scale?: ScoreScale | undefined;
}

/** Bars of equal width, or of an equal ratio of their edges: the scores of a well-trained model span decades. */
export type ScoreScale = 'linear' | 'log';

/** Counts of samples by score. The range covers all selections, so that they can be compared. */
export interface ImportanceHistogram {
  readonly epoch: number;
  readonly scale: ScoreScale;
  /** Lower edge of the first bar, which also counts everything below, and upper edge of the last. */
  readonly from: number;
  readonly to: number;
  /** Whether the last bar also counts everything above its upper edge. */
  readonly open: boolean;
  /** Samples in each bar. */
  readonly counts: Readonly<Record<SampleState, readonly number[]>>;
  /** Samples that no pass had scored by then; they are in no bar. */
  readonly unscored: number;
  /** Those of the samples in each bar that look wrong; undefined if the run has not estimated which do. */
  readonly wrong?: Readonly<Record<SampleState, readonly number[]>> | undefined;
  /** What the list of samples that look wrong is worth; undefined if the true labels are unknown. Not only of one class. */
  readonly truth?: ListTruth | undefined;
}

/** The list of samples that look wrong, held against the true labels. */
export interface ListTruth {
  readonly listed: number;
  /** Samples whose labels are wrong, and how many of them are in the list. */
  readonly wrong: number;
  readonly found: number;
}

/** The bars of a histogram without their counts. */
export type Bars = Pick<ImportanceHistogram, 'scale' | 'from' | 'to' | 'open'>;

/**
 * The score at which a bar begins, counted from 0; the index after the last bar gives its end. On a log scale, the first bar
 * begins at zero, although it is drawn from `from`.
 */
export function barEdge({ scale, from, to }: Omit<Bars, 'open'>, bins: number, bar: number): number {
  if (scale === 'linear') return from + (bar * (to - from)) / bins;
  return bar === 0 ? 0 : from * (to / from) ** (bar / bins);
}

/** Which samples to list, and in which order. */
export interface SampleQuery {
  readonly epoch: number;
  readonly list: SampleList;
  /** Scores of at least `from` and below `to`; without `to`, there is no upper limit. */
  readonly range?: { readonly from: number; readonly to?: number | undefined } | undefined;
  readonly label?: number | undefined;
  readonly state?: SampleState | undefined;
  /** Only those that the model predicts incorrectly. */
  readonly wrong?: boolean | undefined;
  readonly flagged?: boolean | undefined;
  /** Part of a text or name; case is ignored. */
  readonly search?: string | undefined;
}

/** The model's prediction for a labeled sample at a selection. */
export interface Opinion {
  /** Index of the class; for regression, the number. */
  readonly label: number;
  readonly predicted: number;
  /** Probability of the label. */
  readonly confidence: number;
  /**
   * How likely the label is wrong, from -1 to 1: probability of the likeliest other class minus that of the label, averaged
   * over all predictions.
   */
  readonly suspicion: number;
  /** How often it went from correct at one selection to incorrect at the next. */
  readonly forgotten: number;
}

/** A sample, and what happened to it at a selection. */
export interface SampleRow {
  /** Index in the training split. */
  readonly index: number;
  /** File and line, or row; for a block of text, its document and the token that the block begins with. */
  readonly name?: string | undefined;
  /** Undefined for unlabeled samples. */
  readonly opinion?: Opinion | undefined;
  /** NaN if no pass had scored the sample. */
  readonly score: number;
  readonly state: SampleState;
  readonly flagged: boolean;
  readonly text?: string | undefined;
  /** The second text of a pair. */
  readonly pair?: string | undefined;
  /** A data URL. */
  readonly picture?: string | undefined;
}

/** A part of a list. */
export interface SamplePage {
  /** Number of samples in the whole list. */
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly SampleRow[];
  /** Why rows have no text or picture, and what to do about it. */
  readonly note?: string | undefined;
}

/** The panel that shows how important each sample is. */
export type ImportanceContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: ImportanceRun };
    histogram: { readonly params: HistogramQuery; readonly result: ImportanceHistogram };
    samples: {
      readonly params: SampleQuery & { readonly offset: number; readonly count: number };
      readonly result: SamplePage;
    };
    /** Flags samples, or removes the flags. Returns the number of flagged samples. */
    flag: {
      readonly params: { readonly indices: readonly number[]; readonly flagged: boolean };
      readonly result: number;
    };
    /** Asks where to save all samples of a list, one JSON object per line. Undefined if canceled. */
    export: { readonly params: SampleQuery; readonly result: ExportedSamples | undefined };
    /** Flags all samples of a list, or removes their flags. Returns the number of flagged samples. */
    flagList: { readonly params: { readonly query: SampleQuery; readonly flagged: boolean }; readonly result: number };
    /** Asks where to save a copy of the data without the samples of a list. Undefined if canceled. */
    clean: { readonly params: SampleQuery; readonly result: CleanedCopy | undefined };
    /** Writes a spec that trains without the samples of a list, and opens it. */
    trainAgain: { readonly params: SampleQuery; readonly result: NextSpec };
  };
  readonly events: {
    /** The run has progressed: there may be more selections. */
    changed: ImportanceRun;
  };
};

export interface ExportedSamples {
  readonly file: string;
  readonly count: number;
}

/** A copy of the training data of a run without some samples. */
export interface CleanedCopy {
  /** A file or a folder. */
  readonly file: string;
  /** Training samples in it, and those that were left out. */
  readonly kept: number;
  readonly leftOut: number;
  /** How it differs from the data, in sentences. */
  readonly notes: readonly string[];
}

/** A spec that trains on such a copy. */
export interface NextSpec extends CleanedCopy {
  readonly spec: string;
}

/** Percentages with one precision: whole numbers, or with a decimal if all are small. */
function percentages(shares: readonly number[]): string[] {
  const digits = Math.max(...shares) < 0.0995 ? 1 : 0;
  return shares.map((share) => String(Number((100 * share).toFixed(digits))));
}

/** How many labels look wrong, as a sentence. */
export function wrongSentence({ share, low, high, listed }: WrongLabels): string {
  const [about = '', from = '', to = ''] = percentages([share, low, high]);
  if (listed === 0) return l10n.t`No label looks wrong; ${from} to ${to}% of them may be.`;
  const samples = listed.toLocaleString('en-US');
  return listed === 1
    ? l10n.t`About ${about}% of the labels look wrong (${from} to ${to}%): 1 sample is listed.`
    : l10n.t`About ${about}% of the labels look wrong (${from} to ${to}%): ${samples} samples are listed.`;
}

/** What the list of samples that look wrong is worth, as a sentence; undefined if it is empty and so should be. */
export function truthSentence({ listed, wrong, found }: ListTruth): string | undefined {
  if (listed === 0 && wrong === 0) return undefined;
  const all = wrong.toLocaleString('en-US');
  const recall = wrong === 0 ? '–' : `${percentages([found / wrong])[0]}%`;
  const precision = listed === 0 ? '–' : `${percentages([found / listed])[0]}%`;
  return l10n.t`${all} labels were made wrong for this experiment. Precision of the list: ${precision}; recall: ${recall}.`;
}

/** What each kind of score measures, as an axis title. */
export function scoreTitle(score: ScoreKind): string {
  switch (score) {
    case 'el2n':
      return l10n.t('Distance of the prediction to the label (EL2N)');
    case 'loss':
      return l10n.t('Loss (nats)');
    case 'gradient':
      return l10n.t('Norm of the gradient of the last layer');
    case 'change':
      return l10n.t('Change of the logits since the pass before');
    case 'forgetting':
      return l10n.t('Times forgotten');
  }
}

/** The name of a class; for regression, the number. */
export const labelName = (classes: readonly string[], label: number): string =>
  classes.length === 0 ? String(Number(label.toFixed(3))) : (classes[label] ?? String(label));

/** Requests about the samples of a run to the inspector process, so that data is not decoded in the extension host. */
export type ImportanceInspections = {
  readonly requests: {
    /** Also reads the run's files again. */
    importance: { readonly params: { readonly runDir: string }; readonly result: ImportanceOverview };
    importanceHistogram: {
      readonly params: { readonly runDir: string; readonly query: HistogramQuery };
      readonly result: ImportanceHistogram;
    };
    importanceSamples: {
      readonly params: {
        readonly runDir: string;
        readonly query: SampleQuery & { readonly offset: number; readonly count: number };
      };
      readonly result: SamplePage;
    };
    importanceFlag: {
      readonly params: { readonly runDir: string; readonly indices: readonly number[]; readonly flagged: boolean };
      readonly result: number;
    };
    /** Writes a list to a file. Returns the number of samples in it. */
    importanceExport: {
      readonly params: { readonly runDir: string; readonly query: SampleQuery; readonly file: string };
      readonly result: number;
    };
    importanceFlagList: {
      readonly params: { readonly runDir: string; readonly query: SampleQuery; readonly flagged: boolean };
      readonly result: number;
    };
    /** Writes the data without the samples of a list. */
    importanceClean: {
      readonly params: { readonly runDir: string; readonly query: SampleQuery; readonly file: string };
      readonly result: CleanedCopy;
    };
    importanceTrainAgain: {
      readonly params: { readonly runDir: string; readonly query: SampleQuery };
      readonly result: NextSpec;
    };
  };
  readonly events: Record<string, never>;
};
