import type { SampleState } from '../../../protocol/importance';

/** The arrays of one selection, by sample number: see `importanceMap`. */
export interface Pass {
  readonly epoch: number;
  readonly scores: Float32Array;
  readonly kept: Uint8Array;
  /** Samples kept by the previous selection; undefined for the first. */
  readonly before: Uint8Array | undefined;
  /** Undefined if samples have no labels. */
  readonly opinions: Opinions | undefined;
}

/** The model's predictions for labeled samples, by sample number. */
export interface Opinions {
  readonly labels: Float32Array;
  readonly predicted: Float32Array;
  readonly confidence: Float32Array;
  readonly suspicion: Float32Array;
  /** How often a sample was correct at one selection and wrong at the next, so far. */
  readonly forgotten: Uint8Array;
  /** The samples that look wrong, the most suspicious first; undefined if the run has not estimated which do. */
  readonly wrong?: Uint32Array | undefined;
  /** Undefined unless labels were made wrong on purpose. */
  readonly trueLabels?: Float32Array | undefined;
}

export function stateOf({ kept, before }: Pick<Pass, 'kept' | 'before'>, sample: number): SampleState {
  if (kept[sample] === 0) return 'dropped';
  return before?.[sample] === 0 ? 'returned' : 'kept';
}
