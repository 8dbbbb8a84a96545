/** The cost of a forward pass relative to a training step on the same samples. */
export const SCORING_COST = 1 / 3;
