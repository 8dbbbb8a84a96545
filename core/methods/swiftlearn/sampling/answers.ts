import type { SampleEvaluation } from './scores';

/** The model's predictions, by sample number. */
export class Answers {
  /** Latest predicted class; for regression the predicted value. */
  readonly predicted: Float32Array;
  /** Latest probability of the label. */
  readonly confidence: Float32Array;
  /** Latest probability of the likeliest class; NaN before the first prediction. Of no use for regression. */
  readonly certainty: Float32Array;
  /** Sums over all predictions: see `SampleEvaluation.margin`. */
  readonly #margins: Float32Array;
  readonly #passes: Uint8Array;

  constructor(size: number) {
    this.predicted = new Float32Array(size);
    this.confidence = new Float32Array(size);
    this.certainty = new Float32Array(size).fill(NaN);
    this.#margins = new Float32Array(size);
    this.#passes = new Uint8Array(size);
  }

  record(sample: number, { predicted, confidence, margin }: SampleEvaluation): void {
    this.predicted[sample] = predicted;
    this.confidence[sample] = confidence;
    // The likeliest class is either the label or the other one of the margin.
    this.certainty[sample] = Math.max(confidence, confidence + margin);
    this.#margins[sample]! += margin;
    this.#passes[sample] = Math.min(255, this.#passes[sample]! + 1);
  }

  /**
   * How likely a sample's label is wrong, from -1 to 1: the probability of the likeliest other class minus that of the
   * label, averaged over all predictions (the area under the margin of Pleiss et al., 2020, with probabilities). NaN before
   * the first.
   */
  suspicion(sample: number): number {
    const passes = this.#passes[sample]!;
    return passes === 0 ? NaN : this.#margins[sample]! / passes;
  }

  /** The arrays themselves, not copies. */
  state(): Readonly<Record<string, Float32Array | Uint8Array>> {
    return {
      predicted: this.predicted,
      confidence: this.confidence,
      certainty: this.certainty,
      margins: this.#margins,
      passes: this.#passes,
    };
  }
}
