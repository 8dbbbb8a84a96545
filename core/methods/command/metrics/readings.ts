/** What a program measured at one moment, as it wrote it: names and values of whatever kind. */
export type Row = Readonly<Record<string, unknown>>;

/** What is recorded of a row. */
export interface Reading {
  readonly step: number;
  readonly tokens?: number;
  readonly values: Readonly<Record<string, number>>;
}

const STEP_KEYS = ['step', 'global_step', 'steps', 'iteration', 'iter', 'it', '_step', 'trainer/global_step', 'epoch'];
const TOKEN_KEYS = new Set(['tokens', 'num_tokens', 'tokens_seen', 'num_input_tokens_seen', 'samples', 'samples_seen']);
/** Clocks and counters of loggers: no measurement of the program. */
const IGNORED = new Set([
  'time',
  'timestamp',
  'wall_time',
  'walltime',
  'date',
  'datetime',
  '_timestamp',
  '_runtime',
  'created_at',
]);
const NOT_FINITE = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['infinity', Infinity],
  ['-inf', -Infinity],
  ['-infinity', -Infinity],
]);

/** A number, or a text that is one in the words of Python, C or JSON; undefined for everything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().toLowerCase();
  if (text === '') return undefined;
  return NOT_FINITE.get(text) ?? (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/.test(text) ? Number(text) : undefined);
}

/** Numbers by name; what lies in objects is `outer/inner`. */
function numbersOf(row: Row, prefix = ''): [string, number][] {
  return Object.entries(row).flatMap(([key, value]): [string, number][] => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return numbersOf(value as Row, `${prefix}${key}/`);
    const number = numberOf(value);
    return number === undefined ? [] : [[prefix + key, number]];
  });
}

const count = (value: number | undefined): value is number =>
  value !== undefined && Number.isSafeInteger(value) && value >= 0;

export interface ReadingOptions {
  /** Name of the value that counts the steps, where it is not a usual one. */
  readonly stepKey?: string | undefined;
  /** Put before every name. */
  readonly prefix?: string;
}

/**
 * Turns the rows of one file, or of a program's output, into readings. Steps never go back: a program that counts anew in
 * each epoch is counted on. Without steps in the rows, the rows are counted.
 */
export class Readings {
  #rows = 0;
  /** What is added to the program's own count, and the highest count so far. */
  #base = 0;
  #highest = -1;
  readonly #last = new Map<string, number>();
  /** Names that are no count of steps here: an `epoch` of 0.25. */
  readonly #noCount = new Set<string>();
  /** Per metric, the step through which it was read already from a file that is being read once more. */
  #known: ReadonlyMap<string, number> = new Map();

  constructor(readonly options: ReadingOptions = {}) {}

  /** The file was written anew and is read from its beginning again: what was read already is left out. */
  again(): void {
    this.#known = new Map(this.#last);
    this.#rows = 0;
    this.#base = 0;
    this.#highest = -1;
    this.#last.clear();
  }

  /** Counts anew: what was taken so far was of another run. */
  forget(): void {
    this.again();
    this.#known = new Map();
  }

  /** Undefined when there is nothing new in the row. */
  take(row: Row): Reading | undefined {
    const { stepKey, prefix = '' } = this.options;
    const numbers = numbersOf(row);
    const lower = new Map(numbers.map(([name, value]) => [name.toLowerCase(), value]));
    for (const name of STEP_KEYS) if (lower.has(name) && !count(lower.get(name))) this.#noCount.add(name);
    const key = stepKey ?? STEP_KEYS.find((name) => lower.has(name) && !this.#noCount.has(name));
    const counted = key === undefined ? undefined : lower.get(key.toLowerCase());
    const tokens = numbers.find(([name]) => TOKEN_KEYS.has(name.toLowerCase()))?.[1];
    const measured = numbers.filter(([name]) => {
      const word = name.toLowerCase();
      return word !== key?.toLowerCase() && !TOKEN_KEYS.has(word) && !IGNORED.has(word);
    });
    // Epochs that a row has beside its steps are a measure of time, not of the model.
    if (measured.every(([name]) => name.toLowerCase() === 'epoch')) return undefined;
    this.#rows++;
    const step = this.#stepOf(count(counted) ? counted : this.#rows, measured);
    const values: Record<string, number> = {};
    for (const [name, value] of measured) {
      this.#last.set(name, step);
      if (step > (this.#known.get(name) ?? -1)) values[prefix + name] = value;
    }
    if (Object.keys(values).length === 0) return undefined;
    return { step, values, ...(tokens !== undefined && Number.isFinite(tokens) && { tokens }) };
  }

  #stepOf(counted: number, measured: readonly [string, number][]): number {
    const goesBack = measured.some(([name]) => this.#base + counted < (this.#last.get(name) ?? -1));
    if (goesBack) this.#base = this.#highest + (counted === 0 ? 1 : 0);
    const step = this.#base + counted;
    this.#highest = Math.max(this.#highest, step);
    return step;
  }
}
