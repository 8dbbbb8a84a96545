/** Counts of the whole training, in the order in which they are looked for. */
const OVERALL = ['global_step', 'trainer/global_step', 'train/global_step', 'step', 'steps', '_step', 'num_updates'];
/** Counts that some programs begin anew in each epoch. */
const PER_EPOCH = ['iteration', 'iter', 'it', 'batch_idx', 'batch_index', 'batch', 'minibatch'];
const STEP_KEYS: readonly string[] = [...OVERALL, ...PER_EPOCH, 'epoch'];

/** Whether a count of this name begins anew in each epoch in some programs, and is no step of the whole training. */
export const isPerEpoch = (name: string): boolean => PER_EPOCH.includes(name.toLowerCase());

/** Names by which rows count, beside that of the spec. */
export const isCounter = (name: string): boolean => STEP_KEYS.includes(name.toLowerCase());

/** Whether a number can be a step: events have whole ones from 0 on that a double holds exactly. */
export const isStep = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The values of one row by their names in small letters: numbers, or what else stands there. */
export type Cells = ReadonlyMap<string, number | string>;

export interface StepOptions {
  /** Name of the value that counts, where it is not a usual one. */
  readonly stepKey?: string | undefined;
}

/** What a row says of its step. */
export interface Counted {
  /** The name, in small letters, of the value that counts; undefined where the row has none. */
  readonly key?: string;
  /** Undefined where what counts is no step: negative, a fraction, a text. */
  readonly step?: number;
}

/**
 * Finds the steps of the rows of one file. A row without a step that comes after rows with one belongs to the last of
 * them; where no row has a step, the rows are counted. Only batches are counted on, when the epoch that stands beside them
 * rises; every other step is taken as it is written.
 */
export class StepCounter {
  #rows = 0;
  #latest: number | undefined;
  /** Whether rows have a count that is finer than their epochs. */
  #fine = false;
  /** Whether epochs come in fractions (0.25), which tell the time and count nothing. */
  #fractions = false;
  #epoch = -Infinity;
  /** Added to a count that began anew, and the highest step so far. */
  #base = 0;
  #highest = -1;

  constructor(readonly options: StepOptions) {}

  /** @param goesBack whether one of the metrics of the row had a later step than this */
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
