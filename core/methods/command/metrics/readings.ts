import * as l10n from '@vscode/l10n';
import { splitAmong } from './splits';
import { isMissing, looksNumeric, numberOf } from './numbers';
import { isCounter, isStep, StepCounter, type StepOptions } from './steps';
import { quoted, Troubles } from './troubles';

/** What a program measured at one moment, as it wrote it: names and values of whatever kind. */
export type Row = Readonly<Record<string, unknown>>;

/** What is recorded of a row. */
export interface Reading {
  readonly step: number;
  readonly tokens?: number;
  readonly values: Readonly<Record<string, number>>;
}

const TOKEN_KEYS = new Set(['tokens', 'num_tokens', 'tokens_seen', 'num_input_tokens_seen', 'samples', 'samples_seen']);
/** Clocks and counters of loggers: no measurement of the program. */
const IGNORED = new Set([
  'time',
  'timestamp',
  'wall_time',
  'wall time',
  'walltime',
  'date',
  'datetime',
  '_timestamp',
  '_runtime',
  'created_at',
]);
/** In rows of one measurement each, what says its name. */
const NAME_KEYS = ['metric', 'tag', 'name', 'key', 'variable'];
/** Objects within objects that are still looked into. */
const DEEPEST = 32;

/** Values by name; what lies in objects is `outer/inner`. */
function* leavesOf(row: Row, prefix = '', depth = 0): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(row))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) yield [prefix + key, value];
    else if (depth < DEEPEST) yield* leavesOf(value as Row, `${prefix}${key}/`, depth + 1);
}

export interface ReadingOptions extends StepOptions {
  /** Put before every name. */
  readonly prefix?: string;
  /** Where rows that are left out are told. */
  readonly troubles?: Troubles;
  /** Whether its numbers were read already, by how its file writes them: a text is none, though it may look like one. */
  readonly typed?: boolean;
}

/** Turns the rows of one file, or of a program's output, into readings. */
export class Readings {
  /** Put before every name. */
  prefix: string;
  #steps: StepCounter;
  readonly #troubles: Troubles;
  /** Of each metric, its last step. */
  readonly #last = new Map<string, number>();
  /** Whether a row had what `stepKey` names. */
  #keyed = false;
  #names = new Set<string>();

  constructor(readonly options: ReadingOptions = {}) {
    this.prefix = options.prefix ?? '';
    this.#steps = new StepCounter(options);
    this.#troubles = options.troubles ?? new Troubles();
  }

  /** Counts anew: the file is read from its beginning again, or what was taken so far was of another run. */
  again(): void {
    this.#steps = new StepCounter(this.options);
    this.#last.clear();
  }

  /** Names of the values that were met, and whether `stepKey`, where there is one, was among them. */
  get met(): { readonly names: ReadonlySet<string>; readonly stepKey: boolean } {
    return { names: this.#names, stepKey: this.#keyed };
  }

  /**
   * Undefined when nothing is to be recorded of the row.
   * @param place where the row stands, for a message
   */
  take(row: Row, place?: () => string): Reading | undefined {
    const leaves = [...leavesOf(row)];
    const cells = new Map<string, number | string>();
    const numbers: [name: string, number][] = [];
    for (const [name, value] of leaves) {
      if (this.#names.size < 100) this.#names.add(name);
      const number = typeof value === 'string' && this.options.typed ? undefined : numberOf(value);
      if (number === undefined && !this.options.typed) this.#tellOdd(name, value, place);
      if (number !== undefined) numbers.push([name, number]);
      if (number !== undefined) cells.set(name.toLowerCase(), number);
      else if (typeof value === 'string' && !isMissing(value)) cells.set(name.toLowerCase(), value);
    }
    const stepKey = this.options.stepKey?.toLowerCase();
    if (stepKey !== undefined && cells.has(stepKey)) this.#keyed = true;
    const isMetric = (name: string) => {
      const word = name.toLowerCase();
      return name !== '' && word !== stepKey && !TOKEN_KEYS.has(word) && !IGNORED.has(word);
    };
    const measured = numbers.filter(([name]) => isMetric(name));
    // Epochs and other counts are a measure of time, not of the model.
    if (measured.every(([name]) => isCounter(name))) return undefined;
    const names = this.#namer(cells, measured);
    const goesBack = (step: number) => measured.some(([name]) => step < (this.#last.get(names(name)) ?? -1));
    const { key, step } = this.#steps.of(cells, goesBack);
    if (step === undefined) {
      this.#leaveOut(key ?? '', cells.get(key ?? ''), place);
      return undefined;
    }
    const values = new Map(
      measured.filter(([name]) => name.toLowerCase() !== key).map(([name, value]) => [names(name), value]),
    );
    for (const name of values.keys()) this.#last.set(name, step);
    const tokens = numbers.find(([name]) => TOKEN_KEYS.has(name.toLowerCase()))?.[1];
    return {
      step,
      values: Object.fromEntries(values),
      ...(tokens !== undefined && Number.isFinite(tokens) && { tokens }),
    };
  }

  /** A reading of a format that has steps of its own. */
  at(step: number, row: Row, place?: () => string): Reading | undefined {
    if (!isStep(step)) {
      this.#leaveOut('step', step, place);
      return undefined;
    }
    const values = Object.entries(row).map(([name, value]) => [this.prefix + name, value as number] as const);
    return values.length === 0 ? undefined : { step, values: Object.fromEntries(values) };
  }

  /** How the names of a row are recorded: with the part of the data that it says. */
  #namer(cells: ReadonlyMap<string, number | string>, measured: readonly [string, number][]): (name: string) => string {
    const textOf = (keys: readonly string[]) =>
      keys.map((key) => cells.get(key)).find((value) => typeof value === 'string');
    const split = splitAmong(cells);
    const prefix = this.prefix + (split === undefined ? '' : `${split}/`);
    // Whatever else stands in the row (a fold, a client): values of several metrics are no one series.
    const called = measured.some(([name]) => name.toLowerCase() === 'value') ? textOf(NAME_KEYS) : undefined;
    return (name) => prefix + (called !== undefined && name.toLowerCase() === 'value' ? called : name);
  }

  /** A text that somebody may have meant as a number; one with a unit ("12 ms", "3.1GB") was meant as a text. */
  #tellOdd(name: string, value: unknown, place: (() => string) | undefined): void {
    if (
      typeof value !== 'string' ||
      IGNORED.has(name.toLowerCase()) ||
      /\p{L}/u.test(value) ||
      isMissing(value) ||
      !looksNumeric(value)
    )
      return;
    this.#troubles.ofRow(`text of ${name}`, (count) => {
      const found = at(place, quoted(value));
      return count === 1
        ? l10n.t`1 value was left out of ${quoted(name)} for not being a plain number (${found}). Write numbers like 1234.5.`
        : l10n.t`${count} values were left out of ${quoted(name)} for not being a plain number (${found}). Write numbers like 1234.5.`;
    });
  }

  #leaveOut(key: string, value: unknown, place: (() => string) | undefined): void {
    this.#troubles.ofRow(`step ${key}`, (count) => {
      const found = at(place, typeof value === 'string' ? quoted(value) : String(value));
      return count === 1
        ? l10n.t`1 row was skipped because ${quoted(key)} is not a whole number, 0 or greater (${found}).`
        : l10n.t`${count} rows were skipped because ${quoted(key)} is not a whole number, 0 or greater (${found}).`;
    });
  }
}

/** What was found, and where: `line 3: "n/a"`. */
const at = (place: (() => string) | undefined, what: string): string =>
  place === undefined ? what : `${place()}: ${what}`;
