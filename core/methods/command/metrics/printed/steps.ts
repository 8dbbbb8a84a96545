import type { Row } from '../readings';
import type { Counted, Counts } from './counts';

export interface Placed {
  readonly step: number;
  /** Values that are new at this step. */
  readonly kept: ReadonlyMap<string, number>;
  /** Names that already have another value at this step. */
  readonly twice: readonly string[];
  /** Whether the epoch is used as the step. */
  readonly byEpoch: boolean;
}

/** A counter below this fraction of its previous value has started over; otherwise it is only late. */
const STARTED_OVER = 0.5;

/**
 * Assigns steps to printed values. A counter that starts over (in each epoch, in each fold) is continued; one that goes
 * back without starting over is used as printed. Values without a counter get the current position in the training. A
 * series has one value per step.
 */
export class Steps {
  #rows = 0;
  /** Position in the training; undefined until something was counted. */
  #position: number | undefined;
  #highest = -1;
  /** The offset added to the program's own counter, where that counter began, and its last value. */
  #base = 0;
  #from = Infinity;
  #counted: Counted | undefined;
  #epoch: number | undefined;
  /** The first and the last epoch so far. */
  #fromEpoch = Infinity;
  #toEpoch = -1;
  /** The number of the program's first epoch: 0 or 1. */
  #firstEpoch = 1;
  /** Whether the program counts steps, so that epochs are not used as steps. */
  inSteps = false;
  /** By metric: its highest step, and its values by step. */
  readonly #series = new Map<string, { latest: number; readonly values: Map<number, number> }>();

  /** The row to record; undefined if nothing is new. @param exact see `place` */
  row(counts: Counts, values: ReadonlyMap<string, number>, exact = false): { readonly row?: Row; again?: string } {
    const { step, kept, twice, byEpoch } = this.place(counts, values, exact);
    const [again] = twice;
    const epoch = counts.epoch && !byEpoch ? { epoch: counts.epoch.done } : {};
    return {
      ...(kept.size > 0 && { row: { ...epoch, ...Object.fromEntries(kept), step } }),
      ...(again !== undefined && { again }),
    };
  }

  /** @param exact whether the step is used as printed, and never continued */
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

  /** Handles a bar without values. If it restarted, the next values belong to the next loop. */
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

  /** The step from a counter that may start over. */
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

  /** The step where a loop of this length ends: the next loop's bar at 0 is at the same step as the full bar before it. */
  #endOf(of: number | undefined): number | undefined {
    return of ? this.#base + Math.ceil((this.#highest - this.#base) / of) * of : undefined;
  }

  /**
   * Whether a first line such as `Epoch [5/10], Step [100/600]` counts steps within the epoch: as a global step it
   * would not fit the epoch.
   */
  #isWithin({ done, of }: Counted, epoch: Counted | undefined): boolean {
    if (!of || !epoch?.of || epoch.done <= this.#firstEpoch) return false;
    const share = (done / of) * epoch.of;
    return share < epoch.done - 1 || share > epoch.done + 1;
  }

  /** `Epoch: [2][10/5005]`: the steps of all finished epochs plus those of this one. */
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

  /**
   * The current position. If steps are epochs, one further if a metric already has a value there. If nothing is
   * counted, the rows are numbered.
   */
  #here(epoch: number | undefined, latest: number): number {
    if (epoch !== undefined && !this.inSteps) this.#position = Math.max(this.#position ?? 0, epoch);
    if (this.#position === undefined) return Math.max(this.#rows, latest + 1);
    if (this.inSteps) return this.#position;
    return (this.#position = Math.max(this.#position, latest + 1));
  }
}
