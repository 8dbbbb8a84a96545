import type { HeadFacts } from './heads';
import type { NestedFacts } from './nested';
import type { Dtype, Factors, ModelSummary, StoredDtype } from './model-summary';

export type * from './model-summary';

/**
 * Requests about a checkpoint and their answers: plain data that can be cloned to a panel. Everything but `ValueGrid` is also
 * valid JSON: an undefined number (the mean of no elements) is null, never NaN.
 */

/** The progress of a request. */
export interface InspectionProgress {
  /** Bytes of tensors read so far, and in total; if `unit` is `steps`, the work is not measured in bytes. */
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'steps';
  /** The tensor being read. */
  readonly label?: string;
}

/** Element counts between edges. */
export interface Histogram {
  /** Ascending, one more than `counts`; bin i is [edges[i], edges[i + 1]), and the last one includes its end. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** Finite elements beyond the edges: outliers that would squeeze the rest into one bin. */
  readonly below: number;
  readonly above: number;
}

/** Counts by sign and power of two. Zeros, NaN and infinities are not in any bucket. */
export interface MagnitudeHistogram {
  /** Bucket i holds the elements of 2^(least + i) <= |x| < 2^(least + i + 1). */
  readonly least: number;
  readonly negative: readonly number[];
  /** Same length as `negative`; both are empty if every element is zero or not finite. */
  readonly positive: readonly number[];
}

export interface Quantile {
  /** Share of the finite elements that are at most `value`. */
  readonly p: number;
  readonly value: number;
}

export const quantileShares = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999] as const;

/** The statistics of one tensor. A number is null if no element is finite, or if it exceeds the range of a double. */
export interface TensorStatistics {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly bytes: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  /** Number of +0 and -0. */
  readonly zeros: number;
  /** Elements that are neither NaN nor infinite. Everything below is about these. */
  readonly finite: number;
  readonly min: number | null;
  readonly max: number | null;
  /** Decimal digits of both, if they are integers and at least one is too large for a double to be exact. */
  readonly exact: { readonly min: string; readonly max: string } | null;
  readonly mean: number | null;
  /** Population standard deviation: divided by the number of finite elements. */
  readonly std: number | null;
  /** Root mean square. */
  readonly rms: number | null;
  /** Euclidean norm. */
  readonly l2: number | null;
  /**
   * For each of `quantileShares`, the smallest element that at least this share does not exceed; empty without finite
   * elements.
   */
  readonly quantiles: readonly Quantile[];
  /**
   * Largest relative error of a quantile; 0 if they are exact, as for all dtypes of 16 bits or less. Elements in the
   * histogram are off by at most as much, which only matters next to an edge.
   */
  readonly quantileError: number;
  readonly histogram: Histogram | null;
  readonly magnitudes: MagnitudeHistogram;
}

/** How much of the factored layers of a nested model each of its trained sizes keeps. */
export interface KeptShares {
  /** In the order of the sizes: the share of each layer, by its name. */
  readonly sizes: readonly Readonly<Record<string, number>>[];
}

/** The energy shares for which `Spectrum.rankFor` gives ranks. */
export const energyShares = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999] as const;

/** The singular values of a weight as a matrix [rows, cols]. */
export interface Spectrum {
  /** The tensor, or the path of a factored layer, whose product is analyzed. */
  readonly name: string;
  /** The shape of the tensor, or of the full matrix of a factored layer. */
  readonly shape: readonly number[];
  /** A convolution [out, in, h, w] is treated as the matrix [out, in h w]. */
  readonly rows: number;
  readonly cols: number;
  /** Set for the product u v of a factored layer, which has at most `rank` singular values. */
  readonly factors: Factors | null;
  /** Largest first. */
  readonly singularValues: readonly number[];
  /** Cumulative share of the sum of squares: entry i for rank i + 1. All 0 for a zero matrix. */
  readonly energy: readonly number[];
  /** Exponential of the entropy of the normalized singular values (Roy and Vetterli, EUSIPCO 2007); 0 for a zero matrix. */
  readonly effectiveRank: number;
  /** Sum of squares divided by the largest square; 0 for a zero matrix. */
  readonly stableRank: number;
  /** Number of values above max(rows, cols) times the float32 precision times the largest, as in NumPy and PyTorch. */
  readonly numericalRank: number;
  /** For each of `energyShares`, the lowest rank that keeps at least that share of the sum of squares. */
  readonly rankFor: readonly { readonly energy: number; readonly rank: number }[];
  /** floor(rows cols / (rows + cols)): above this rank, the factors have more parameters than the full matrix. */
  readonly breakEvenRank: number;
}

/** A rectangle of a tensor. A vector is one row; a tensor with more than two dimensions is first indexed with `slice`. */
export interface TensorWindow {
  /** An index for each dimension before the last two; zeros by default. */
  readonly slice?: readonly number[];
  readonly row: number;
  readonly column: number;
  /** The requested size; anything beyond the tensor is left out. */
  readonly rows: number;
  readonly columns: number;
}

/** The maximum number of values per window. */
export const MAX_WINDOW_VALUES = 65_536;

export interface ValueGrid {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly slice: readonly number[];
  /** Rows and columns of the whole slice. */
  readonly totalRows: number;
  readonly totalColumns: number;
  /** Where the window begins, and its actual size. */
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  /** Row-major [rows, columns]; NaN and infinities unchanged, 64-bit integers rounded to doubles. */
  readonly values: Float64Array;
  /** The same values in decimal digits, if rounding has changed any of them. */
  readonly exact: readonly string[] | null;
}

/** A weight that both checkpoints have, with different values. */
export interface TensorDifference {
  /** The tensor; for a layer that is factored on one side only, or with different ranks, the name of its full weight. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly a: TensorForm;
  readonly b: TensorForm;
  /** ||a - b|| / ||a|| (Frobenius), over the elements that are finite in both; null if a is zero there. */
  readonly relative: number | null;
  readonly maxAbs: number;
  /** <a, b> / (||a|| ||b||); null if one of them is zero. */
  readonly cosine: number | null;
  readonly elements: number;
  /** Number of elements that differ; NaN equals NaN, and 0 equals -0. */
  readonly differing: number;
  /** Number of elements that are NaN or infinite on at least one side; excluded from the three numbers above. */
  readonly nonFinite: number;
}

/** How a checkpoint stores a weight: as a full matrix, or as factors of a rank. */
export interface TensorForm {
  readonly dtype: StoredDtype;
  readonly rank: number | null;
}

export interface ChangedTensor {
  readonly name: string;
  readonly a: { readonly dtype: StoredDtype; readonly shape: readonly number[] };
  readonly b: { readonly dtype: StoredDtype; readonly shape: readonly number[] };
}

/** The differences between checkpoints a and b. */
export interface CheckpointDiff {
  readonly a: string;
  readonly b: string;
  /** Tensors that only a has, and that only b has; tensors that are compared as a product of factors are not listed. */
  readonly missing: readonly string[];
  readonly added: readonly string[];
  /** Tensors with a different shape or dtype. If only the dtype differs, the values are compared too. */
  readonly changed: readonly ChangedTensor[];
  /** Weights that differ, with the largest relative difference first. */
  readonly differences: readonly TensorDifference[];
  /** Tensors and factored layers whose values are all equal. */
  readonly identical: number;
  /** Weights with the same name that could not be compared, and why. */
  readonly incomparable: readonly { readonly name: string; readonly reason: string }[];
}

/** One file of weights. */
export interface WeightsFile {
  /** Its name in the folder. */
  readonly name: string;
  /** Null if the index names a file that does not exist. */
  readonly bytes: number | null;
  /** Number of tensors that the index assigns to the file, or that the file contains. */
  readonly tensors: number;
}

/** `config.json`. */
export interface ConfigFacts {
  /** Absolute path. */
  readonly file: string;
  readonly architectures: readonly string[];
  /** Its members that are strings, numbers or booleans, in the file's order. */
  readonly values: Readonly<Record<string, string | number | boolean>>;
  /** Undefined if the model is not a transformer with a known description of its heads. */
  readonly heads?: HeadFacts | undefined;
}

/** `tokenizer.json`. */
export interface TokenizerFacts {
  readonly file: string;
  /** `BPE`, `WordPiece`, `Unigram`, … */
  readonly type: string | null;
  /** Number of tokens, including added ones. */
  readonly vocabulary: number;
  readonly merges: number;
  readonly special: readonly string[];
}

/** Where a checkpoint comes from: its `meta.json`, and the run directory that contains it. */
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

/** What the editor shows before any tensor is opened: everything but the values. */
export interface CheckpointOverview {
  /** Absolute path of what was opened. */
  readonly path: string;
  /** A `.safetensors` file, a `.safetensors.index.json`, or a model folder. */
  readonly kind: 'file' | 'index' | 'folder';
  readonly summary: ModelSummary;
  /** All files of the model that this file, index or folder belongs to. */
  readonly files: readonly WeightsFile[];
  readonly config: ConfigFacts | null;
  readonly tokenizer: TokenizerFacts | null;
  readonly lineage: CheckpointLineage | null;
  /** The sizes of a nested model; null for any other. */
  readonly nested: NestedFacts | null;
  /** One sentence for each file next to the weights that could not be read. */
  readonly problems: readonly string[];
}
