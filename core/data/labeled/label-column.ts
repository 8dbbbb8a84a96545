import type { Cell } from './table';
import { Numbers } from './numbers';

/** With more different labels than this they are numbers to be predicted, or the wrong column. */
export const MAX_CLASSES = 10_000;

/** Labels as they were read: their different names once each, 12 bytes per sample. */
export class LabelColumn {
  private readonly ids = Numbers.integers();
  private readonly numbers = Numbers.floats();
  private readonly known = new Map<string, number>();
  /** The first sample of each name. */
  private readonly firsts: number[] = [];
  private firstText: number | undefined;
  private isWhole = true;
  private overflow = false;

  add(cell: Exclude<Cell, undefined>): void {
    const name = String(cell);
    const value = typeof cell === 'boolean' ? NaN : Number(name);
    const isNumber = Number.isFinite(value);
    if (!isNumber) this.firstText ??= this.ids.size;
    if (!Number.isInteger(value)) this.isWhole = false;
    let id = this.known.get(name);
    if (id === undefined && this.known.size < MAX_CLASSES) {
      id = this.known.size;
      this.known.set(name, id);
      this.firsts.push(this.ids.size);
    }
    this.overflow ||= id === undefined;
    this.ids.add(id ?? -1);
    this.numbers.add(isNumber ? value : NaN);
  }

  get size(): number {
    return this.ids.size;
  }

  /** The different names, by their ids; not all of them where there are too many. */
  get names(): readonly string[] {
    return [...this.known.keys()];
  }

  get hasTooMany(): boolean {
    return this.overflow;
  }

  /** Whether these look like numbers to be predicted rather than classes: not all whole, or too many. */
  get looksNumeric(): boolean {
    return this.firstText === undefined && (!this.isWhole || this.overflow);
  }

  /** The first sample whose label is no number. */
  get firstThatIsNoNumber(): number | undefined {
    return this.firstText;
  }

  /** Index in `names`; -1 for one of too many. */
  id(index: number): number {
    return this.ids.at(index);
  }

  /** Not a number where the label is none. */
  number(index: number): number {
    return this.numbers.at(index);
  }

  firstOf(id: number): number {
    return this.firsts[id]!;
  }
}
