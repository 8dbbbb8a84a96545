/** What the headers of a checkpoint tell, as plain data that can be cloned to a panel. */

/** Element types whose values are read, by their names in the safetensors format. */
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

/** Whatever a file calls the type of a tensor: a `Dtype`, or one whose values are not read, such as `C64` or `F4`. */
export type StoredDtype = Dtype | (string & Record<never, never>);

export interface TensorSummary {
  /** Last part of the tensor's name, such as `weight`; the module's path and a dot before it make it whole. */
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly parameters: number;
}

/** A linear layer held as `u` [out, rank] times `v` [rank, in]. */
export interface Factors {
  readonly outFeatures: number;
  readonly inFeatures: number;
  readonly rank: number;
}

export interface FactoredLayer extends Factors {
  readonly path: string;
  /** Parameters of the two factors, and of the full matrix that they stand for. */
  readonly parameters: number;
  readonly fullParameters: number;
}

export interface ModuleSummary {
  readonly name: string;
  /** Full name with dots; empty for the root. */
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
  /** `model_type` of the configuration. */
  readonly modelType: string | null;
  /** Elements of all tensors, buffers and quantized weights included: see `dtypes`. A tied weight counts once. */
  readonly parameters: number;
  readonly bytes: number;
  readonly tensorCount: number;
  /** Largest share first. */
  readonly dtypes: readonly { dtype: StoredDtype; tensors: number; parameters: number; bytes: number }[];
  readonly factored: readonly FactoredLayer[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly root: ModuleSummary;
}
