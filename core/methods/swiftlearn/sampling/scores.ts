import type { ScoreKind } from '../../../protocol/importance';

/**
 * What a sample is worth to training, from what the model says of it (Hajimolahoseini et al., 2023, "SwiftLearn", leaves the
 * formula open; these are the ones of the literature).
 */

/** What a model says of one sample that has a label. */
export interface Answer {
  /** Logits of the classes; for regression the one number that is predicted. */
  readonly logits: Float32Array;
  /** Index of the class; for regression the number to predict. */
  readonly label: number;
  /** Euclidean norm of what the last linear layer is given. */
  readonly featureNorm: number;
}

/** What a sample is worth to training, whatever it is a sample of. */
export interface Worth {
  /** Cross-entropy against the label, nats; for regression the squared error. */
  readonly loss: number;
  /** ‖softmax(z) - onehot(y)‖₂ (Paul et al., 2021, definition 2.2); for regression |z - y|. */
  readonly el2n: number;
  /** Norm of the gradient of the loss with respect to the last linear layer, weights and bias (GraNd, Paul et al., 2021). */
  readonly gradient: number;
}

/** The model's opinion of a sample with a label, by which it is scored and listed. */
export interface SampleEvaluation extends Worth, Pick<Answer, 'logits' | 'label'> {
  /** Likeliest class; for regression the number. */
  readonly predicted: number;
  /** Probability of the label; 1 / (1 + error²) for regression. */
  readonly confidence: number;
  /** Probability of the likeliest other class less that of the label: above 0 where the model is wrong. */
  readonly margin: number;
}

/** @throws RangeError where there is no logit */
export function evaluateSample({ logits, label, featureNorm }: Answer): SampleEvaluation {
  // The layer's gradient is the outer product of that of its output and of its input, extended by the bias' one.
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

/** Σ (z - z')²: how far the logits have moved since the pass before. */
export function squaredChange(logits: Float32Array, before: Float32Array): number {
  let sum = 0;
  for (let c = 0; c < logits.length; c++) sum += (logits[c]! - before[c]!) ** 2;
  return sum;
}

/** What a model says of a sample: all of it where the sample has a label. */
export type Outcome = Worth | SampleEvaluation;

/** Passes over all samples that a score needs before it says anything. */
export const passesNeeded = (kind: ScoreKind): number => (needsAnswers(kind) ? 2 : 1);

/** Whether a score compares what the model answers from pass to pass: only samples with labels have answers. */
export const needsAnswers = (kind: ScoreKind): boolean => kind === 'change' || kind === 'forgetting';
