import type { VisionRecipe } from './config';

/** Optimizer steps of one training. */
export const stepsOf = ({ epochs, training }: Pick<VisionRecipe, 'epochs' | 'training'>, trainSize: number): number =>
  Math.max(1, Math.round((epochs * Math.floor(trainSize / training.batchSize)) / training.accumulate));
