/**
 * The factor of the loss in a training with float16 (Micikevicius et al., 2018), as PyTorch's GradScaler changes it: where a gradient
 * overflows, the step is skipped and the factor halved; after many steps without, it is doubled. Part of the state of a training.
 */
export interface LossScale {
  /** A power of two, so that it changes no digit. */
  readonly scale: number;
  /** Steps since it has changed. */
  readonly steady: number;
  /** Steps of the training that were skipped. */
  readonly skipped: number;
}

export const FIRST_LOSS_SCALE: LossScale = { scale: 2 ** 16, steady: 0, skipped: 0 };

/** Steps after which it is doubled. */
export const GROWS_AFTER = 2000;

/** With a smaller one, even the largest float16 is too small for the gradient itself. */
const LEAST = 1;
/** With a larger one, nothing more is gained: the smallest float16 is 2⁻²⁴. */
const MOST = 2 ** 24;

/**
 * The factor after a step.
 * @param finite whether all gradients of the step were
 * @returns undefined if they were not, and a smaller factor would not help: the training diverges
 */
export function nextLossScale({ scale, steady, skipped }: LossScale, finite: boolean): LossScale | undefined {
  if (!finite) return scale > LEAST ? { scale: scale / 2, steady: 0, skipped: skipped + 1 } : undefined;
  if (steady + 1 < GROWS_AFTER) return { scale, steady: steady + 1, skipped };
  return { scale: Math.min(MOST, scale * 2), steady: 0, skipped };
}
