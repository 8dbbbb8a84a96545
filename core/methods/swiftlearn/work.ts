/** A forward pass without a backward one, as a share of a training step on the same samples. */
export const SCORING_COST = 1 / 3;
