import type { ScoreKind } from '../../../protocol/importance';
import { Answers } from './answers';
import { squaredChange, type SampleEvaluation, type Outcome } from './scores';

/** The arrays of an `Importance`, as stored in a checkpoint. */
export type ImportanceState = Readonly<Record<string, Float32Array | Uint8Array>>;

/** Forgetting score of a sample that was never predicted correctly: higher than any count of forgetting. */
export const NEVER_RIGHT = 256;
/** Keeps the term below 1, so that it only breaks ties. */
const TIE = 0.999 / Math.SQRT2;

/** What passes and training have found about every sample; a few bytes each, independent of their number. */
export class Importance {
  /** NaN for samples that no pass has seen. */
  readonly scores: Float32Array;
  /** The model's predictions; undefined if samples have no labels. */
  readonly answers: Answers | undefined;
  /** Logits of the previous pass, if the score is their change: [samples, classes]. */
  #logits: Float32Array | undefined;
  /** Whether the sample was correct at the last pass (bit 0) or at any pass (bit 1), and how often it was forgotten. */
  readonly #learned: Uint8Array | undefined;
  readonly #forgotten: Uint8Array | undefined;

  /**
   * @param outputs number of logits per sample; 0 if samples have no labels
   * @param smoothing weight of earlier passes in a score; 0 uses only the last pass
   */
  constructor(
    readonly size: number,
    readonly outputs: number,
    readonly kind: ScoreKind,
    readonly smoothing: number,
  ) {
    this.scores = new Float32Array(size).fill(NaN);
    if (outputs > 0) this.answers = new Answers(size);
    if (kind === 'forgetting') {
      this.#learned = new Uint8Array(size);
      this.#forgotten = new Uint8Array(size);
    }
  }

  /** Records the model's outcome for a sample. */
  record(sample: number, outcome: Outcome): void {
    const before = this.scores[sample]!;
    const score = this.#scoreOf(sample, outcome);
    this.scores[sample] = Number.isNaN(before) ? score : this.smoothing * before + (1 - this.smoothing) * score;
    this.recordAnswer(sample, outcome);
  }

  /** Records only what the model predicts for a sample, which leaves its score as it is. */
  recordAnswer(sample: number, outcome: Outcome): void {
    if ('label' in outcome) this.answers?.record(sample, outcome);
  }

  /** @throws RangeError if predictions must be compared but the sample has no label; plans refuse that */
  #scoreOf(sample: number, outcome: Outcome): number {
    switch (this.kind) {
      case 'loss':
      case 'el2n':
      case 'gradient':
        return outcome[this.kind];
      case 'change': {
        const { logits } = requireAnswer(outcome);
        // Allocated on first use: a plan counts samples without running a model.
        this.#logits ??= new Float32Array(this.size * this.outputs).fill(NaN);
        const before = this.#logits.subarray(sample * this.outputs, (sample + 1) * this.outputs);
        const change = squaredChange(logits, before);
        before.set(logits);
        return change;
      }
      case 'forgetting': {
        const { predicted, label, el2n } = requireAnswer(outcome);
        const right = predicted === label;
        const learned = this.#learned!;
        if (!right && (learned[sample]! & 1) === 1)
          this.#forgotten![sample] = Math.min(255, this.#forgotten![sample]! + 1);
        learned[sample] = right ? 3 : learned[sample]! & 2;
        return (learned[sample] & 2 ? this.#forgotten![sample]! : NEVER_RIGHT) + TIE * Math.min(el2n, Math.SQRT2);
      }
    }
  }

  /** The arrays themselves, not copies. */
  state(): ImportanceState {
    return {
      scores: this.scores,
      ...this.answers?.state(),
      ...(this.#logits && { logits: this.#logits }),
      ...(this.#learned && { learned: this.#learned }),
      ...(this.#forgotten && { forgotten: this.#forgotten }),
    };
  }

  /** Restores a state of the same kind and size. */
  restore(state: ImportanceState): void {
    if (state.logits) this.#logits ??= new Float32Array(this.size * this.outputs);
    for (const [name, values] of Object.entries(this.state())) {
      const saved = state[name];
      // Not in checkpoints of earlier versions; the next pass fills it.
      if (saved === undefined && name === 'certainty') continue;
      if (saved?.length !== values.length) throw new RangeError(`the saved ${name} are of other samples`);
      values.set(saved);
    }
  }
}

function requireAnswer(outcome: Outcome): SampleEvaluation {
  if ('label' in outcome) return outcome;
  throw new RangeError('the score compares answers, and the sample has no label to be answered');
}
