import type { ScoreKind } from '../../../protocol/importance';

/**
 * Scores of a sample's worth to training, from the model's output (Hajimolahoseini et al., 2023, "SwiftLearn", leaves
 * the formula open; these are from the literature).
 */

/** The model's output for one labeled sample. */
export interface Answer {
  /** Logits of the classes; for regression, the single predicted value. */
  readonly logits: Float32Array;
  /** Class index; for regression, the target value. */
  readonly label: number;
  /** Euclidean norm of the last linear layer's input. */
  readonly featureNorm: number;
}

/** Scores that exist for every kind of sample. */
export interface Worth {
  /** Cross-entropy against the label, in nats; for regression the squared error. */
  readonly loss: number;
  /** ‖softmax(z) - onehot(y)‖₂ (Paul et al., 2021, definition 2.2); for regression |z - y|. */
  readonly el2n: number;
  /** Norm of the gradient of the loss with respect to the last linear layer, weights and bias (GraNd, Paul et al., 2021). */
  readonly gradient: number;
}

/** The evaluation of a labeled sample, used to score and list it. */
export interface SampleEvaluation extends Worth, Pick<Answer, 'logits' | 'label'> {
  /** Predicted class; for regression the predicted value. */
  readonly predicted: number;
  /** Probability of the label; 1 / (1 + error²) for regression. */
  readonly confidence: number;
  /** Probability of the likeliest other class minus that of the label; above 0 if the prediction is wrong. */
  readonly margin: number;
}

/** @throws RangeError if there are no logits */
export function evaluateSample({ logits, label, featureNorm }: Answer): SampleEvaluation {
  // The layer's gradient is the outer product of its output gradient and its input, extended by 1 for the bias.
  const inputNorm = Math.sqrt(1 + featureNorm * featureNorm);
  if (logits.length === 0) throw new RangeError('a sample needs a logit');
  if (logits.length === 1) {
    const error = Math.abs(logits[0]! - label);
    const confidence = 1 / (1 + error * error);
    return {
      logits,
      label,
      loss: error * error,
      el2n: error,
      gradient: 2 * error * inputNorm,
      predicted: logits[0]!,
      confidence,
      margin: 1 - 2 * confidence,
    };
  }
  let predicted = 0;
  for (let c = 1; c < logits.length; c++) if (logits[c]! > logits[predicted]!) predicted = c;
  const largest = logits[predicted]!;
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - largest);
  let squares = 0;
  let other = 0;
  for (let c = 0; c < logits.length; c++) {
    const probability = Math.exp(logits[c]! - largest) / total;
    const error = probability - (c === label ? 1 : 0);
    squares += error * error;
    if (c !== label && probability > other) other = probability;
  }
  const logProbability = logits[label]! - largest - Math.log(total);
  const confidence = Math.exp(logProbability);
  const el2n = Math.sqrt(squares);
  return {
    logits,
    label,
    loss: -logProbability,
    el2n,
    gradient: el2n * inputNorm,
    predicted,
    confidence,
    margin: other - confidence,
  };
}

/** Σ (z - z')²: how far the logits have moved since the previous pass. */
export function squaredChange(logits: Float32Array, before: Float32Array): number {
  let sum = 0;
  for (let c = 0; c < logits.length; c++) sum += (logits[c]! - before[c]!) ** 2;
  return sum;
}

/** The outcome for a sample; a full evaluation if it has a label. */
export type Outcome = Worth | SampleEvaluation;

/** Number of passes over all samples that a score needs. */
export const passesNeeded = (kind: ScoreKind): number => (needsAnswers(kind) ? 2 : 1);

/** Whether a score compares predictions between passes, which needs samples with labels. */
export const needsAnswers = (kind: ScoreKind): boolean => kind === 'change' || kind === 'forgetting';
