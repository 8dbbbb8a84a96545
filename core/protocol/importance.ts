import * as l10n from '@vscode/l10n';
import type { CommonRequests } from './targets';

/** What a run learns from: the key of the spec that names it. */
export const DATA_KINDS = ['texts', 'images', 'language'] as const;
export type DataKind = (typeof DATA_KINDS)[number];

/** Ways to say what a sample is worth to training. */
export const SCORES = ['el2n', 'loss', 'gradient', 'change', 'forgetting'] as const;
export type ScoreKind = (typeof SCORES)[number];

/** What became of a sample at a choice: kept as before, kept now and not at the choice before, or dropped. */
export const sampleStates = ['kept', 'returned', 'dropped'] as const;
export type SampleState = (typeof sampleStates)[number];

/** Orders in which samples are listed. */
export const sampleLists = ['important', 'least', 'forgotten', 'mislabeled'] as const;
export type SampleList = (typeof sampleLists)[number];

/** Whether samples have labels, which can be wrong: blocks of text have none. */
export const isLabeled = (data: DataKind): boolean => data !== 'language';

/** Whether a list is of all samples, whatever they are; the others are about labels. */
export const isOfAll = (list: SampleList): boolean => list === 'important' || list === 'least';

/** The lists that say something about the samples of a run: numbers are nearly always off by something, never forgotten. */
export const listsOf = ({ data, classes }: Pick<ImportanceOverview, 'data' | 'classes'>): SampleList[] =>
  sampleLists.filter((list) => isOfAll(list) || (isLabeled(data) && (list !== 'forgotten' || classes.length > 0)));

/** One choice of samples. */
export interface PassSummary {
  /** Epochs done before the choice, which also names it. */
  readonly epoch: number;
  /** The lowest score that was kept; null where they were drawn. */
  readonly threshold: number | null;
  readonly kept: number;
  readonly returned: number;
}

/** What a run found out about its samples, without the samples. */
export interface ImportanceOverview {
  readonly data: DataKind;
  /** The way to choose, and the seed, of the training that was watched. */
  readonly variant: string;
  readonly seed: number;
  readonly score: ScoreKind;
  /** Share of the samples that is kept. */
  readonly keep: number;
  /** Share of the highest scores that is left out. */
  readonly skipHardest: number;
  /** Whether every class was chosen from by itself. */
  readonly balanced: boolean;
  readonly samples: number;
  /** Names of the classes; none for numbers, and where samples have no labels. */
  readonly classes: readonly string[];
  /** In the order of the epochs. */
  readonly passes: readonly PassSummary[];
  readonly flagged: number;
}

/** The run of a panel. */
export interface ImportanceRun {
  readonly runName: string;
  /** Whether more choices may come. */
  readonly live: boolean;
  readonly overview?: ImportanceOverview | undefined;
  /** Why there is nothing to see, in a sentence. */
  readonly problem?: string;
}

export interface HistogramQuery {
  /** The choice, by its epoch. */
  readonly epoch: number;
  /** Index of a class; all without it. */
  readonly label?: number | undefined;
  /** Bars; 40 without it. */
  readonly bins?: number | undefined;
  /** How wide bars are; as the scores of the last choice want it without. */
  readonly scale?: ScoreScale | undefined;
}

/** Bars of the same width, or of the same ratio of their edges: scores of a model that knows its samples span decades. */
export type ScoreScale = 'linear' | 'log';

/** Samples by their score. The range is that of all choices, so that one can be compared with the next. */
export interface ImportanceHistogram {
  readonly epoch: number;
  readonly scale: ScoreScale;
  /** The lower edge of the first bar, which holds all that is less as well, and the upper one of the last. */
  readonly from: number;
  readonly to: number;
  /** Whether the last bar also holds all that lies above its upper edge. */
  readonly open: boolean;
  /** Samples in each bar. */
  readonly counts: Readonly<Record<SampleState, readonly number[]>>;
  /** Samples that no pass had seen by then; they are in no bar. */
  readonly unscored: number;
}

/** The bars of a histogram, without what is in them. */
export type Bars = Pick<ImportanceHistogram, 'scale' | 'from' | 'to' | 'open'>;

/**
 * The score at which a bar begins, counted from 0; that after the last is where it ends. A logarithm has no zero: there the
 * first bar begins at zero, wherever it is drawn from.
 */
export function barEdge({ scale, from, to }: Omit<Bars, 'open'>, bins: number, bar: number): number {
  if (scale === 'linear') return from + (bar * (to - from)) / bins;
  return bar === 0 ? 0 : from * (to / from) ** (bar / bins);
}

/** Which samples, and in which order. */
export interface SampleQuery {
  readonly epoch: number;
  readonly list: SampleList;
  /** Scores of at least `from` and below `to`; without `to` all above. */
  readonly range?: { readonly from: number; readonly to?: number | undefined } | undefined;
  readonly label?: number | undefined;
  readonly state?: SampleState | undefined;
  /** Only those that the model gets wrong. */
  readonly wrong?: boolean | undefined;
  readonly flagged?: boolean | undefined;
  /** Part of a text or a name, in any case. */
  readonly search?: string | undefined;
}

/** What the model thought of a sample with a label at a choice. */
export interface Opinion {
  /** Index of the class, or the number. */
  readonly label: number;
  readonly predicted: number;
  /** Probability of the label. */
  readonly confidence: number;
  /** How likely the label is wrong, from -1 to 1: probability of another class less that of the label, over all passes. */
  readonly suspicion: number;
  /** How often it was right at a choice and wrong at the next. */
  readonly forgotten: number;
}

/** One sample, and what became of it at a choice. */
export interface SampleRow {
  /** Number in the training part of the data. */
  readonly index: number;
  /** File and line, or row; of a block of text its document, and the token of it that the block begins with. */
  readonly name?: string | undefined;
  /** Undefined where samples have no labels. */
  readonly opinion?: Opinion | undefined;
  /** NaN where no pass had seen the sample. */
  readonly score: number;
  readonly state: SampleState;
  readonly flagged: boolean;
  readonly text?: string | undefined;
  /** The second text. */
  readonly pair?: string | undefined;
  /** A data URL. */
  readonly picture?: string | undefined;
}

/** A part of a list. */
export interface SamplePage {
  /** Samples of the whole list. */
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly SampleRow[];
  /** Why rows are without text or picture, and what to do. */
  readonly note?: string | undefined;
}

/** The panel that shows which samples mattered. */
export type ImportanceContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: ImportanceRun };
    histogram: { readonly params: HistogramQuery; readonly result: ImportanceHistogram };
    samples: {
      readonly params: SampleQuery & { readonly offset: number; readonly count: number };
      readonly result: SamplePage;
    };
    /** Marks samples, or takes the marks away. The result is how many are marked. */
    flag: {
      readonly params: { readonly indices: readonly number[]; readonly flagged: boolean };
      readonly result: number;
    };
    /** Asks where to save all samples of a list, one JSON object a line. Undefined when it was called off. */
    export: { readonly params: SampleQuery; readonly result: ExportedSamples | undefined };
  };
  readonly events: {
    /** The run went on: there may be more choices. */
    changed: ImportanceRun;
  };
};

export interface ExportedSamples {
  readonly file: string;
  readonly count: number;
}

/** What a kind of score measures, for an axis. */
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

/** The name of a class, or the number. */
export const labelName = (classes: readonly string[], label: number): string =>
  classes.length === 0 ? String(Number(label.toFixed(3))) : (classes[label] ?? String(label));

/** What the inspector's process can be asked about the samples of a run: data is decoded there and not in the window. */
export type ImportanceInspections = {
  readonly requests: {
    /** Reads again what the run has written. */
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
    /** Writes a list to a file. The result is how many samples it has. */
    importanceExport: {
      readonly params: { readonly runDir: string; readonly query: SampleQuery; readonly file: string };
      readonly result: number;
    };
  };
  readonly events: Record<string, never>;
};
