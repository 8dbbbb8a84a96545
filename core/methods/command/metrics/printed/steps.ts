import type { Counted, Counts } from './counts';

export interface Placed {
  readonly step: number;
  /** What is new at this step. */
  readonly kept: ReadonlyMap<string, number>;
  /** Names that have another value at this step already, or at a later one. */
  readonly twice: readonly string[];
  /** Whether the epoch is what counts the steps. */
  readonly byEpoch: boolean;
}

/** Fewer than this share of the count before: it started over, and is not only late. */
const STARTED_OVER = 0.5;

/**
 * Gives what is printed its steps. A count that starts over (in each epoch, in each fold) is counted on; what has no count
 * of its own belongs to where the training is; and a series has one value at a step.
 */
export class Steps {
  #rows = 0;
  /** Where the training is; undefined as long as nothing was counted. */
  #position: number | undefined;
  #highest = -1;
  /** What is added to the program's own count, and that count: where it began, and where it is. */
  #base = 0;
  #from = Infinity;
  #counted: Counted | undefined;
  #epoch: number | undefined;
  /** What the program calls its first epoch. */
  #firstEpoch = 1;
  /** Whether steps are counted, so that an epoch is no step. */
  inSteps = false;
  /** The count is of an earlier moment than the one before. */
  #late = false;
  readonly #last = new Map<string, { readonly step: number; readonly value: number }>();

  /**
   * @param exact whether a step is what it says, and is never counted on
   */
  place(counts: Counts, values: ReadonlyMap<string, number>, exact = false): Placed {
    this.#rows++;
    const { epoch, step: counted, batch } = counts;
    if (epoch?.done === 0) this.#firstEpoch = 0;
    const names = [...values.keys()];
    const latest = Math.max(-1, ...names.map((name) => this.#last.get(name)?.step ?? -1));
    let step: number;
    if (counted) step = exact && !epoch ? counted.done : this.#counting(counted, epoch, latest);
    else if (batch && epoch) step = this.#nested(batch, epoch.done, latest);
    else if (batch) step = this.#counting(batch, undefined, latest);
    else {
      step = this.#here(epoch?.done, latest);
      return this.#placed(step, values, step === epoch?.done && !this.inSteps);
    }
    this.inSteps = true;
    if (epoch) this.#epoch = epoch.done;
    this.#position = step;
    return this.#placed(step, values, false);
  }

  #placed(step: number, values: ReadonlyMap<string, number>, byEpoch: boolean): Placed {
    const kept = new Map<string, number>();
    const twice: string[] = [];
    for (const [name, value] of values) {
      const last = this.#last.get(name);
      if (last && (last.step === step || (this.#late && last.step > step))) {
        if (!Object.is(last.value, value)) twice.push(name);
      } else {
        this.#last.set(name, { step, value });
        kept.set(name, value);
      }
    }
    this.#late = false;
    this.#highest = Math.max(this.#highest, step);
    return { step, kept, twice, byEpoch };
  }

  /** A count that may start over. */
  #counting(counted: Counted, epoch: Counted | undefined, latest: number): number {
    if (this.#counted === undefined && this.#isWithin(counted, epoch))
      this.#base = (epoch!.done - this.#firstEpoch) * counted.of!;
    const before = this.#counted?.done ?? -1;
    const advanced = epoch !== undefined && this.#epoch !== undefined && epoch.done !== this.#epoch;
    if (this.#base + counted.done <= latest) {
      const back = counted.done < before && (counted.done <= this.#from || counted.done < STARTED_OVER * before);
      if (advanced || back || this.#counted === undefined)
        this.#countOn(counted, advanced ? epoch.done - this.#epoch! : 0);
      else if (this.#base + counted.done < latest) this.#late = true;
    }
    this.#from = Math.min(this.#from, counted.done);
    this.#counted = counted;
    return this.#base + counted.done;
  }

  #countOn(counted: Counted, epochs: number): void {
    const whole = this.#base + Math.max(0, epochs) * (counted.of ?? 0);
    this.#base = whole + counted.done > this.#highest ? whole : this.#highest + (counted.done === 0 ? 1 : 0);
    this.#from = counted.done;
  }

  /** `Epoch [5/10], Step [100/600]`, met first: a step within the epoch, as it cannot be one of the whole training. */
  #isWithin({ done, of }: Counted, epoch: Counted | undefined): boolean {
    if (!of || !epoch?.of || epoch.done <= this.#firstEpoch) return false;
    const share = (done / of) * epoch.of;
    return share < epoch.done - 1 || share > epoch.done + 1;
  }

  /** `Epoch: [2][10/5005]`: so many whole epochs, and what is done of this one. */
  #nested(batch: Counted, epoch: number, latest: number): number {
    const inside = (epoch - this.#firstEpoch) * (batch.of ?? 0) + batch.done;
    const again = epoch === this.#epoch && batch.done === this.#counted?.done;
    if (batch.of === undefined) return this.#counting(batch, { done: epoch }, latest);
    if (this.#base + inside <= latest && !again) {
      const isLate = epoch === this.#epoch && batch.done > STARTED_OVER * (this.#counted?.done ?? 0);
      if (isLate) this.#late = true;
      else this.#base = this.#highest + Math.max(1, batch.done) - inside;
    }
    this.#counted = batch;
    return this.#base + inside;
  }

  /** Where the training is; one further for what has its value there already. Rows are counted where nothing else is. */
  #here(epoch: number | undefined, latest: number): number {
    if (epoch !== undefined && !this.inSteps) this.#position = Math.max(this.#position ?? 0, epoch);
    if (this.#position === undefined) return Math.max(this.#rows, latest + 1);
    return (this.#position = Math.max(this.#position, latest + 1));
  }
}
