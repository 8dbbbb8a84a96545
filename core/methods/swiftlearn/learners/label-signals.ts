import { floats, type HostTensor } from '../../../engine/host';
import type { Named } from '../../../engine/optimizer';
import { evaluateSample, type Outcome } from '../sampling/scores';

/** The signals of samples with labels. */
export type LabelSignals<T> = Readonly<{
  /** [batch, outputs] */
  logits: T;
  /** Euclidean norm of the last layer's input: [batch] */
  featureNorms: T;
}>;

/** `Learner.outcomes` for samples with labels, whose signals are `LabelSignals`. */
export function labelOutcomes(
  samples: Uint32Array,
  { logits, featureNorms }: Named<HostTensor>,
  { outputs, label }: { readonly outputs: number; readonly label: (sample: number) => number },
): Outcome[] {
  const [all, norms] = [floats(logits!), floats(featureNorms!)];
  return Array.from(samples, (sample, row) =>
    evaluateSample({
      logits: all.subarray(row * outputs, (row + 1) * outputs),
      label: label(sample),
      featureNorm: norms[row]!,
    }),
  );
}
