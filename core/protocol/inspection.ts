import type { HeadFacts } from './heads';
import type { Dtype, Factors, ModelSummary, StoredDtype } from './model-summary';

export type * from './model-summary';

/**
 * What can be asked about a checkpoint, and the answers: plain data that can be cloned to a panel. All but `ValueGrid`
 * is JSON as well: a number that does not exist (the mean of no element) is null, never NaN.
 */

/** How far a request is. */
export interface InspectionProgress {
  /** Bytes of tensors read so far, and to read in all; where `unit` is `steps` the work has no bytes to count. */
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'steps';
  /** What is being looked at: the name of a tensor. */
  readonly label?: string;
}

/** Counts of elements between edges. */
export interface Histogram {
  /** Rising, one more than `counts`; bin i is [edges[i], edges[i + 1]), the last one includes its end. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** Finite elements beyond the edges, which leave out outliers that would squeeze the rest into one bin. */
  readonly below: number;
  readonly above: number;
}

/** Counts by sign and power of two. Zeros, NaN and infinities are in none of the buckets. */
export interface MagnitudeHistogram {
  /** Bucket i holds the elements of 2^(least + i) <= |x| < 2^(least + i + 1). */
  readonly least: number;
  readonly negative: readonly number[];
  /** As long as `negative`; both are empty where every element is zero or not finite. */
  readonly positive: readonly number[];
}

export interface Quantile {
  /** Share of the finite elements that are at most `value`. */
  readonly p: number;
  readonly value: number;
}

export const quantileShares = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999] as const;

/** The elements of one tensor. What is null has no value: no element is finite, or the number is beyond a double. */
export interface TensorStatistics {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly bytes: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  /** +0 and -0. */
  readonly zeros: number;
  /** Elements that are neither NaN nor infinite. All that follows is about these. */
  readonly finite: number;
  readonly min: number | null;
  readonly max: number | null;
  /** Both in decimal digits where they are integers and one of them is beyond what a double counts one by one. */
  readonly exact: { readonly min: string; readonly max: string } | null;
  readonly mean: number | null;
  /** Of the population: divided by the number of finite elements. */
  readonly std: number | null;
  /** Root of the mean square. */
  readonly rms: number | null;
  /** Euclidean norm. */
  readonly l2: number | null;
  /** For each of `quantileShares` the smallest element that at least this share does not exceed; empty without one. */
  readonly quantiles: readonly Quantile[];
  /**
   * Largest error of a quantile as a share of its magnitude; 0 where they are exact, as for all dtypes of 16 bits or
   * less. Elements of the histogram are as far off at most, which matters only next to an edge.
   */
  readonly quantileError: number;
  readonly histogram: Histogram | null;
  readonly magnitudes: MagnitudeHistogram;
}

/** The shares of the energy that `Spectrum.rankFor` gives the ranks of. */
export const energyShares = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999] as const;

/** The singular values of a weight as a matrix [rows, cols]. */
export interface Spectrum {
  /** The tensor, or the path of the factored layer whose product it is of. */
  readonly name: string;
  /** Of the tensor, or of the full matrix that the factors stand for. */
  readonly shape: readonly number[];
  /** A convolution [out, in, h, w] is the matrix [out, in h w]. */
  readonly rows: number;
  readonly cols: number;
  /** Set where it is the spectrum of the product u v of a factored layer; then there are at most `rank` values. */
  readonly factors: Factors | null;
  /** Largest first. */
  readonly singularValues: readonly number[];
  /** Cumulated share of the sum of squares: entry i for rank i + 1. All 0 for a matrix of zeros. */
  readonly energy: readonly number[];
  /** Exponential of the entropy of the normalized singular values (Roy and Vetterli, EUSIPCO 2007); 0 for zeros. */
  readonly effectiveRank: number;
  /** Sum of squares over the largest square; 0 for zeros. */
  readonly stableRank: number;
  /** Values above max(rows, cols) times the precision of float32 times the largest: as NumPy and PyTorch count. */
  readonly numericalRank: number;
  /** The least rank that keeps at least the share `energy` of the sum of squares, one for each of `energyShares`. */
  readonly rankFor: readonly { readonly energy: number; readonly rank: number }[];
  /** floor(rows cols / (rows + cols)): factors of a higher rank have more parameters than the full matrix. */
  readonly breakEvenRank: number;
}

/** A rectangle of a tensor. A vector is one row; a tensor of more than two dimensions is cut at `slice` first. */
export interface TensorWindow {
  /** An index for each dimension before the last two; zeros without it. */
  readonly slice?: readonly number[];
  readonly row: number;
  readonly column: number;
  /** How much is wanted; what lies beyond the tensor is left out. */
  readonly rows: number;
  readonly columns: number;
}

/** The most values that one window can ask for. */
export const MAX_WINDOW_VALUES = 65_536;

export interface ValueGrid {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly slice: readonly number[];
  /** Rows and columns of the whole slice. */
  readonly totalRows: number;
  readonly totalColumns: number;
  /** Where the window begins, and what it holds. */
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  /** Row-major [rows, columns]; NaN and infinities as they are, 64-bit integers rounded to doubles. */
  readonly values: Float64Array;
  /** The same in decimal digits where the rounding has changed one of them. */
  readonly exact: readonly string[] | null;
}

/** One weight that both checkpoints have, with other values. */
export interface TensorDifference {
  /** The tensor; for a factored layer that is full on one side, or has another rank there, the layer's full weight. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly a: TensorForm;
  readonly b: TensorForm;
  /** ||a - b|| / ||a|| (Frobenius), over the elements that are finite in both; null where a is zero there. */
  readonly relative: number | null;
  readonly maxAbs: number;
  /** <a, b> / (||a|| ||b||); null where one of them is zero. */
  readonly cosine: number | null;
  readonly elements: number;
  /** Elements that differ; NaN does not differ from NaN, nor 0 from -0. */
  readonly differing: number;
  /** Elements that are NaN or infinite on at least one side: left out of the three numbers above. */
  readonly nonFinite: number;
}

/** How a checkpoint holds a weight: as it is, or as factors of a rank. */
export interface TensorForm {
  readonly dtype: StoredDtype;
  readonly rank: number | null;
}

export interface ChangedTensor {
  readonly name: string;
  readonly a: { readonly dtype: StoredDtype; readonly shape: readonly number[] };
  readonly b: { readonly dtype: StoredDtype; readonly shape: readonly number[] };
}

/** What separates checkpoint b from checkpoint a. */
export interface CheckpointDiff {
  readonly a: string;
  readonly b: string;
  /** Tensors of a that b lacks, and of b that a lacks; without those that are compared as a product of factors. */
  readonly missing: readonly string[];
  readonly added: readonly string[];
  /** Tensors of another shape or dtype. Values are compared where only the dtype differs. */
  readonly changed: readonly ChangedTensor[];
  /** Largest relative difference first; only what differs. */
  readonly differences: readonly TensorDifference[];
  /** Tensors and factored layers whose values are all equal. */
  readonly identical: number;
  /** What has the same name on both sides but could not be compared, and why. */
  readonly incomparable: readonly { readonly name: string; readonly reason: string }[];
}

/** One file of weights. */
export interface WeightsFile {
  /** Its name in the folder. */
  readonly name: string;
  /** Null where the index names a file that is not there. */
  readonly bytes: number | null;
  /** Tensors that the index puts there, or the file holds. */
  readonly tensors: number;
}

/** `config.json`. */
export interface ConfigFacts {
  /** Absolute path. */
  readonly file: string;
  readonly architectures: readonly string[];
  /** Its members that are text, numbers or booleans, in the file's order. */
  readonly values: Readonly<Record<string, string | number | boolean>>;
  /** Undefined where the model is no transformer that says how its heads are. */
  readonly heads?: HeadFacts | undefined;
}

/** `tokenizer.json`. */
export interface TokenizerFacts {
  readonly file: string;
  /** `BPE`, `WordPiece`, `Unigram`, … */
  readonly type: string | null;
  /** Tokens, those that were added included. */
  readonly vocabulary: number;
  readonly merges: number;
  readonly special: readonly string[];
}

/** Where a checkpoint comes from: its `meta.json`, and the run directory that it lies in. */
export interface CheckpointLineage {
  readonly kind: string | null;
  readonly step: number | null;
  readonly phase: string | null;
  /** Fingerprint of the model that it was made from. */
  readonly parent: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly run: {
    readonly id: string;
    /** Absolute. */
    readonly dir: string;
    readonly name: string;
    readonly method: string;
    readonly seed: number;
    /** Milliseconds since 1970. */
    readonly created: number;
    /** Folders of the checkpoints that the run started from. */
    readonly parents: readonly string[];
  } | null;
}

/** What the editor shows before a tensor is looked at: everything but the values. */
export interface CheckpointOverview {
  /** Absolute path of what was opened. */
  readonly path: string;
  /** A `.safetensors` file, a `.safetensors.index.json`, or a model folder. */
  readonly kind: 'file' | 'index' | 'folder';
  readonly summary: ModelSummary;
  /** All files of the model that this file, index or folder is (a part) of. */
  readonly files: readonly WeightsFile[];
  readonly config: ConfigFacts | null;
  readonly tokenizer: TokenizerFacts | null;
  readonly lineage: CheckpointLineage | null;
  /** What lies beside the weights and could not be read, each in a sentence. */
  readonly problems: readonly string[];
}
