import type { DecoderConfig } from '../../../models/decoder/config';
import { countParameters } from '../../../models/decoder/layout';
import { trainingMemory } from '../../../training/cost';
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

/**
 * Peak memory of the trainings of a family in bytes, as if all models were as large as the parent.
 * @param sizes of the family, the largest first
 */
export function familyMemory(config: PlrdConfig, parent: DecoderConfig, sizes: readonly DecoderConfig[]): number {
  const { families, nested, distillation, training, data } = config;
  const { blockLength } = data;
  const mode = families.includes('nested') ? nested.sizesPerStep : 'one';
  // All models of a sandwich are computed on whole batches at once.
  const batchSize = (mode === 'sandwich' ? 3 : 1) * training.batchSize;
  // The parent's weights, and what it predicts for a batch.
  const { hidden, layers, vocabulary } = parent;
  const predicted = training.batchSize * blockLength * (layers * hidden + vocabulary);
  const teacher = distillation.weight === 0 ? 0 : countParameters(parent).total + predicted;
  // Steps that train all sizes cut the smaller ones out of the largest, and put their gradients together again.
  const cut = mode === 'all' ? sizes.slice(1).reduce((sum, size) => sum + 2 * countParameters(size).linear, 0) : 0;
  return trainingMemory(parent, { batchSize }, blockLength) + 4 * (teacher + cut);
}
