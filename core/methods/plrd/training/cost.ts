import type { PlrdConfig } from '../config';

/** A backward pass costs about as much as two forward passes (Kaplan et al., 2020). */
export const FORWARD_AND_BACKWARD = 3;

/**
 * Operations per token of a training step, the teacher's forward pass included.
 * @param trained FLOPs of the forward pass of each size that the step trains, per token of the step: times its share of the
 *   sequences
 * @param of the same of the parent, and of the largest size of a nested model
 */
export function stepCost(
  trained: readonly number[],
  { weight, teacher }: PlrdConfig['distillation'],
  of: { readonly parent: number; readonly largest?: number },
): number {
  const own = trained.reduce((sum, flops) => sum + FORWARD_AND_BACKWARD * flops, 0);
  if (weight === 0) return own;
  if (teacher === 'parent' || of.largest === undefined) return own + of.parent;
  // Where the largest size alone is trained, it has no teacher.
  return trained.every((flops) => flops === of.largest) ? own : own + of.largest;
}
