/** A summary of a checkpoint's headers, as plain data that can be cloned to a panel. */

/** Dtypes whose values can be read, by their safetensors names. */
export type Dtype =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL';

/** Any dtype that a file may use: a `Dtype`, or one whose values cannot be read, such as `C64` or `F4`. */
export type StoredDtype = Dtype | (string & Record<never, never>);

export interface TensorSummary {
  /** Last part of the tensor's name, such as `weight`; the full name is the module's path, a dot and this. */
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly parameters: number;
}

/** A linear layer stored as `u` [out, rank] times `v` [rank, in]. */
export interface Factors {
  readonly outFeatures: number;
  readonly inFeatures: number;
  readonly rank: number;
}

export interface FactoredLayer extends Factors {
  readonly path: string;
  /** Parameters of the two factors, and of the full matrix. */
  readonly parameters: number;
  readonly fullParameters: number;
}

export interface ModuleSummary {
  readonly name: string;
  /** Full dotted name; empty for the root. */
  readonly path: string;
  /** Elements and bytes of the module and everything in it. */
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: readonly TensorSummary[];
  readonly factors: Factors | null;
  readonly children: readonly ModuleSummary[];
}

export interface ModelSummary {
  readonly name: string;
  /** `model_type` in the config. */
  readonly modelType: string | null;
  /** Number of elements of all tensors, including buffers and quantized weights: see `dtypes`. A tied weight counts once. */
  readonly parameters: number;
  readonly bytes: number;
  readonly tensorCount: number;
  /** Largest share first. */
  readonly dtypes: readonly { dtype: StoredDtype; tensors: number; parameters: number; bytes: number }[];
  readonly factored: readonly FactoredLayer[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly root: ModuleSummary;
}
