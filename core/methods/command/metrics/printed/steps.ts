import type { Row } from '../readings';
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
 * Gives what is printed its steps. A count that starts over (in each epoch, in each fold) is counted on; one that goes back
 * and does not start over stays what it is. What has no count of its own belongs to where the training is; and a series
 * has one value at a step.
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
  /** The first and the furthest epoch so far. */
  #fromEpoch = Infinity;
  #toEpoch = -1;
  /** What the program calls its first epoch. */
  #firstEpoch = 1;
  /** Whether steps are counted, so that an epoch is no step. */
  inSteps = false;
  /** Of each metric its highest step, and its values by their steps. */
  readonly #series = new Map<string, { latest: number; readonly values: Map<number, number> }>();

  /** What is recorded of values; undefined where nothing is new. @param exact see `place` */
  row(counts: Counts, values: ReadonlyMap<string, number>, exact = false): { readonly row?: Row; again?: string } {
    const { step, kept, twice, byEpoch } = this.place(counts, values, exact);
    const [again] = twice;
    const epoch = counts.epoch && !byEpoch ? { epoch: counts.epoch.done } : {};
    return {
      ...(kept.size > 0 && { row: { ...epoch, ...Object.fromEntries(kept), step } }),
      ...(again !== undefined && { again }),
    };
  }

  /**
   * @param exact whether a step is what it says, and is never counted on
   */
  place(counts: Counts, values: ReadonlyMap<string, number>, exact = false): Placed {
    this.#rows++;
    const { epoch, step: counted, batch } = counts;
    if (epoch?.done === 0) this.#firstEpoch = 0;
    const names = [...values.keys()];
    const latest = Math.max(-1, ...names.map((name) => this.#series.get(name)?.latest ?? -1));
    let step: number;
    if (counted) step = exact ? counted.done : this.#counting(counted, epoch, latest);
    else if (batch && epoch) step = this.#nested(batch, epoch.done, latest);
    else if (batch) step = this.#counting(batch, undefined, latest);
    else {
      step = this.#here(epoch?.done, latest);
      return this.#placed(step, values, step === epoch?.done && !this.inSteps);
    }
    this.inSteps = true;
    if (epoch) {
      this.#epoch = epoch.done;
      this.#fromEpoch = Math.min(this.#fromEpoch, epoch.done);
      this.#toEpoch = Math.max(this.#toEpoch, epoch.done);
    }
    this.#position = step;
    return this.#placed(step, values, false);
  }

  /** A bar that shows no values: where it began again, what it shows next is of the next loop. */
  passed({ epoch, batch }: Counts): void {
    if (epoch || !batch?.of || batch.of !== this.#counted?.of || batch.done >= this.#counted.done) return;
    this.#base = this.#endOf(batch.of) ?? this.#base;
    this.#from = batch.done;
    this.#counted = batch;
  }

  #placed(step: number, values: ReadonlyMap<string, number>, byEpoch: boolean): Placed {
    const kept = new Map<string, number>();
    const twice: string[] = [];
    for (const [name, value] of values) {
      const series = this.#series.get(name) ?? { latest: -1, values: new Map<number, number>() };
      this.#series.set(name, series);
      if (series.values.has(step)) {
        if (!Object.is(series.values.get(step), value)) twice.push(name);
      } else {
        series.latest = Math.max(series.latest, step);
        series.values.set(step, value);
        kept.set(name, value);
      }
    }
    this.#highest = Math.max(this.#highest, step);
    return { step, kept, twice, byEpoch };
  }

  /** A count that may start over. */
  #counting(counted: Counted, epoch: Counted | undefined, latest: number): number {
    if (this.#counted === undefined && this.#isWithin(counted, epoch))
      this.#base = (epoch!.done - this.#firstEpoch) * counted.of!;
    const before = this.#counted?.done ?? -1;
    const advanced = epoch !== undefined && this.#epoch !== undefined && epoch.done > this.#epoch;
    if (this.#base + counted.done <= latest) {
      const back = counted.done < before && (counted.done <= this.#from || counted.done < STARTED_OVER * before);
      if (advanced || back || this.#counted === undefined)
        this.#countOn(counted, advanced ? epoch.done - this.#epoch! : 0);
    }
    this.#from = Math.min(this.#from, counted.done);
    this.#counted = counted;
    return this.#base + counted.done;
  }

  #countOn(counted: Counted, epochs: number): void {
    const whole = this.#base + Math.max(0, epochs) * (counted.of ?? 0);
    if (whole + counted.done > this.#highest) this.#base = whole;
    else this.#base = this.#endOf(counted.of && this.#counted?.of) ?? this.#highest + (counted.done === 0 ? 1 : 0);
    this.#from = counted.done;
  }

  /** Where a loop of so many ends: a bar at 0 of the next one stands where it stood when it was full. */
  #endOf(of: number | undefined): number | undefined {
    return of ? this.#base + Math.ceil((this.#highest - this.#base) / of) * of : undefined;
  }

  /** `Epoch [5/10], Step [100/600]`, met first: a step within the epoch, as it cannot be one of the whole training. */
  #isWithin({ done, of }: Counted, epoch: Counted | undefined): boolean {
    if (!of || !epoch?.of || epoch.done <= this.#firstEpoch) return false;
    const share = (done / of) * epoch.of;
    return share < epoch.done - 1 || share > epoch.done + 1;
  }

  /** `Epoch: [2][10/5005]`: so many whole epochs, and what is done of this one. */
  #nested(batch: Counted, epoch: number, latest: number): number {
    if (batch.of === undefined) return this.#counting(batch, { done: epoch }, latest);
    const whole = (epoch - this.#firstEpoch) * batch.of;
    const step = this.#base + whole + batch.done;
    const startsOver =
      epoch === this.#epoch
        ? batch.done <= STARTED_OVER * (this.#counted?.done ?? 0)
        : epoch <= this.#fromEpoch || (batch.done > 0 && epoch > this.#toEpoch);
    if (step <= latest && startsOver) {
      this.#base = (this.#endOf(this.#counted?.of) ?? this.#highest) - whole;
      this.#toEpoch = -1;
    }
    this.#counted = batch;
    return this.#base + whole + batch.done;
  }

  /** Where the training is; among epochs, one further for what has its value there already. Rows are counted else. */
  #here(epoch: number | undefined, latest: number): number {
    if (epoch !== undefined && !this.inSteps) this.#position = Math.max(this.#position ?? 0, epoch);
    if (this.#position === undefined) return Math.max(this.#rows, latest + 1);
    if (this.inSteps) return this.#position;
    return (this.#position = Math.max(this.#position, latest + 1));
  }
}
