import type { SampleState } from '../../../protocol/importance';

/** The arrays of one choice, by the number of the sample: see `importanceMap`. */
export interface Pass {
  readonly epoch: number;
  readonly scores: Float32Array;
  readonly kept: Uint8Array;
  /** What was kept at the choice before; undefined at the first. */
  readonly before: Uint8Array | undefined;
  /** Undefined where samples have no labels. */
  readonly opinions: Opinions | undefined;
}

/** What the model thought of samples with labels, by the number of the sample. */
export interface Opinions {
  readonly labels: Float32Array;
  readonly predicted: Float32Array;
  readonly confidence: Float32Array;
  readonly suspicion: Float32Array;
  /** How often a sample was right at a choice and wrong at the next, so far. */
  readonly forgotten: Uint8Array;
}

/** What became of a sample. */
export function stateOf({ kept, before }: Pick<Pass, 'kept' | 'before'>, sample: number): SampleState {
  if (kept[sample] === 0) return 'dropped';
  return before?.[sample] === 0 ? 'returned' : 'kept';
}
