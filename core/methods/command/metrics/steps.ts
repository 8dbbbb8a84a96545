/** Step counters over the whole training, in order of preference. */
const OVERALL = ['global_step', 'trainer/global_step', 'train/global_step', 'step', 'steps', '_step', 'num_updates'];
/** Counters that some programs restart in each epoch. */
const PER_EPOCH = ['iteration', 'iter', 'it', 'batch_idx', 'batch_index', 'batch', 'minibatch'];
const STEP_KEYS: readonly string[] = [...OVERALL, ...PER_EPOCH, 'epoch'];

/** Whether some programs restart a counter with this name in each epoch, so that it is not a global step. */
export const isPerEpoch = (name: string): boolean => PER_EPOCH.includes(name.toLowerCase());

/** Whether it is a common name of a step counter. */
export const isCounter = (name: string): boolean => STEP_KEYS.includes(name.toLowerCase());

/** Whether a value can be a step: a whole number from 0 on that a double holds exactly. */
export const isStep = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The values of one row by name in lower case: numbers, or strings. */
export type Cells = ReadonlyMap<string, number | string>;

export interface StepOptions {
  /** Name of the step column or key, if it is not a common one. */
  readonly stepKey?: string | undefined;
}

/** The step of a row. */
export interface Counted {
  /** Name of the step counter, in lower case; undefined if the row has none. */
  readonly key?: string;
  /** Undefined if the value cannot be a step: it is negative, fractional or not a number. */
  readonly step?: number;
}

/**
 * Determines the steps of the rows of one file. A row without a step belongs to the last row with one; if no row has a
 * step, the rows are numbered. Only batch counters are continued across epochs, when they restart as the epoch next to
 * them increases; all other steps are used as written.
 */
export class StepCounter {
  #rows = 0;
  #latest: number | undefined;
  /** Whether rows have a counter finer than epochs. */
  #fine = false;
  /** Whether epochs are fractional (0.25), so that they cannot be steps. */
  #fractions = false;
  #epoch = -Infinity;
  /** Offset of a counter that restarted, and the highest step so far. */
  #base = 0;
  #highest = -1;

  constructor(readonly options: StepOptions) {}

  /** @param goesBack whether one of the row's metrics already has a later step than this one */
  of(cells: Cells, goesBack: (step: number) => boolean): Counted {
    this.#rows++;
    const key = this.#keyOf(cells);
    if (key === undefined) return { step: this.#latest ?? this.#rows };
    const value = cells.get(key);
    if (!isStep(value)) return { key };
    if (key !== 'epoch') this.#fine = true;
    if (this.#beginsAnew(key, cells, goesBack(this.#base + value))) this.#base = this.#highest + (value === 0 ? 1 : 0);
    const step = this.#base + value;
    this.#latest = step;
    this.#highest = Math.max(this.#highest, step);
    return { key, step };
  }

  #keyOf(cells: Cells): string | undefined {
    const epoch = cells.get('epoch');
    if (typeof epoch === 'number' && Number.isFinite(epoch) && !Number.isInteger(epoch) && !this.#fractions) {
      this.#fractions = true;
      if (!this.#fine) {
        this.#rows = Math.max(this.#rows, (this.#latest ?? 0) + 1);
        this.#latest = undefined;
      }
    }
    const { stepKey } = this.options;
    const keys = stepKey === undefined ? STEP_KEYS : [stepKey.toLowerCase()];
    return keys.find((name) => cells.has(name) && !(name === 'epoch' && (this.#fractions || this.#fine)));
  }

  #beginsAnew(key: string, cells: Cells, goesBack: boolean): boolean {
    const epoch = cells.get('epoch');
    if (typeof epoch !== 'number' || !isPerEpoch(key)) return false;
    const rises = epoch > this.#epoch;
    this.#epoch = Math.max(this.#epoch, epoch);
    return rises && goesBack;
  }
}
