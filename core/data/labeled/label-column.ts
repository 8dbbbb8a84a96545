import type { Cell } from './table';
import { Numbers } from './numbers';

/** More distinct labels than this mean numbers to predict, or the wrong column. */
export const MAX_CLASSES = 10_000;

/** Labels as they were read: each distinct name once, and 12 bytes per sample. */
export class LabelColumn {
  readonly #ids = Numbers.integers();
  readonly #numbers = Numbers.floats();
  readonly #known = new Map<string, number>();
  /** The first sample with each name. */
  readonly #firsts: number[] = [];
  #firstText: number | undefined;
  #isWhole = true;
  #overflow = false;

  add(cell: Exclude<Cell, undefined>): void {
    const name = String(cell);
    const value = typeof cell === 'boolean' ? NaN : Number(name);
    const isNumber = Number.isFinite(value);
    if (!isNumber) this.#firstText ??= this.#ids.size;
    if (!Number.isInteger(value)) this.#isWhole = false;
    let id = this.#known.get(name);
    if (id === undefined && this.#known.size < MAX_CLASSES) {
      id = this.#known.size;
      this.#known.set(name, id);
      this.#firsts.push(this.#ids.size);
    }
    this.#overflow ||= id === undefined;
    this.#ids.add(id ?? -1);
    this.#numbers.add(isNumber ? value : NaN);
  }

  get size(): number {
    return this.#ids.size;
  }

  /** The distinct names, by id; incomplete if there are too many. */
  get names(): readonly string[] {
    return [...this.#known.keys()];
  }

  get hasTooMany(): boolean {
    return this.#overflow;
  }

  /** Whether the labels look like numbers to predict, not classes: not all whole, or too many. */
  get looksNumeric(): boolean {
    return this.#firstText === undefined && (!this.#isWhole || this.#overflow);
  }

  /** The first sample whose label is not a number. */
  get firstThatIsNoNumber(): number | undefined {
    return this.#firstText;
  }

  /** Index in `names`; -1 if there are too many names. */
  id(index: number): number {
    return this.#ids.at(index);
  }

  /** The label as a number; NaN if it is not one. */
  number(index: number): number {
    return this.#numbers.at(index);
  }

  firstOf(id: number): number {
    return this.#firsts[id]!;
  }
}
