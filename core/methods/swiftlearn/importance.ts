import { judge, squaredChange, type Outcome, type ScoreKind } from './scores';

/** The arrays of an `Importance`, as a checkpoint keeps them. */
export type ImportanceState = Readonly<Record<string, Float32Array | Uint8Array>>;

/** A sample that was never right: it is as if it were forgotten more often than any other. */
export const NEVER_RIGHT = 256;
/** Below one, so that it only decides among equals. */
const TIE = 0.999 / Math.SQRT2;

/** What passes over the data have found of every sample: some bytes each, whatever the number of passes. */
export class Importance {
  /** NaN where no pass has seen the sample. */
  readonly scores: Float32Array;
  /** Likeliest class at the last pass; for regression the number. */
  readonly predicted: Float32Array;
  /** Probability of the label at the last pass. */
  readonly confidence: Float32Array;
  /** Over all passes: see `Judgement.margin`. */
  readonly #margins: Float32Array;
  readonly #passes: Uint8Array;
  /** Logits of the pass before, where their change is the score: [samples, classes]. */
  readonly #logits: Float32Array | undefined;
  /** Whether the sample was right at the last pass (bit 0) or at any (bit 1), and how often it was forgotten. */
  readonly #learned: Uint8Array | undefined;
  readonly #forgotten: Uint8Array | undefined;

  /**
   * @param outputs logits of a sample
   * @param smoothing share of a score that the passes before decide: 0 for the last pass alone
   */
  constructor(
    readonly size: number,
    readonly outputs: number,
    readonly kind: ScoreKind,
    readonly smoothing: number,
  ) {
    this.scores = new Float32Array(size).fill(NaN);
    this.predicted = new Float32Array(size);
    this.confidence = new Float32Array(size);
    this.#margins = new Float32Array(size);
    this.#passes = new Uint8Array(size);
    if (kind === 'change') this.#logits = new Float32Array(size * outputs).fill(NaN);
    if (kind === 'forgetting') {
      this.#learned = new Uint8Array(size);
      this.#forgotten = new Uint8Array(size);
    }
  }

  /** Takes down what a model said of a sample. */
  record(sample: number, outcome: Outcome): void {
    const judgement = judge(outcome);
    const before = this.scores[sample]!;
    const score = this.#scoreOf(sample, outcome, judgement);
    this.scores[sample] = Number.isNaN(before) ? score : this.smoothing * before + (1 - this.smoothing) * score;
    this.predicted[sample] = judgement.predicted;
    this.confidence[sample] = judgement.confidence;
    this.#margins[sample]! += judgement.margin;
    this.#passes[sample] = Math.min(255, this.#passes[sample]! + 1);
  }

  #scoreOf(sample: number, outcome: Outcome, { loss, el2n, gradient, predicted }: ReturnType<typeof judge>): number {
    switch (this.kind) {
      case 'loss':
        return loss;
      case 'el2n':
        return el2n;
      case 'gradient':
        return gradient;
      case 'change': {
        const before = this.#logits!.subarray(sample * this.outputs, (sample + 1) * this.outputs);
        const change = squaredChange(outcome.logits, before);
        before.set(outcome.logits);
        return change;
      }
      case 'forgetting': {
        const right = predicted === outcome.label;
        const learned = this.#learned!;
        if (!right && (learned[sample]! & 1) === 1)
          this.#forgotten![sample] = Math.min(255, this.#forgotten![sample]! + 1);
        learned[sample] = right ? 3 : learned[sample]! & 2;
        return (learned[sample] & 2 ? this.#forgotten![sample]! : NEVER_RIGHT) + TIE * Math.min(el2n, Math.SQRT2);
      }
    }
  }

  /**
   * How likely a sample's label is wrong, from -1 to 1: the probability of the likeliest other class less that of the label,
   * over all passes (the area under the margin of Pleiss et al., 2020, with probabilities).
   */
  suspicion(sample: number): number {
    const passes = this.#passes[sample]!;
    return passes === 0 ? NaN : this.#margins[sample]! / passes;
  }

  /** The arrays themselves, not copies. */
  state(): ImportanceState {
    return {
      scores: this.scores,
      predicted: this.predicted,
      confidence: this.confidence,
      margins: this.#margins,
      passes: this.#passes,
      ...(this.#logits && { logits: this.#logits }),
      ...(this.#learned && { learned: this.#learned }),
      ...(this.#forgotten && { forgotten: this.#forgotten }),
    };
  }

  /** Goes on from a state of the same kind and size. */
  restore(state: ImportanceState): void {
    for (const [name, values] of Object.entries(this.state())) {
      const saved = state[name];
      if (saved?.length !== values.length) throw new RangeError(`the saved ${name} are of other samples`);
      values.set(saved);
    }
  }
}
