import { nameOf, labelBefore } from './label';
import type { Counts } from './counts';
import { commaOf, numberSpelled } from './number';
import { counterOf, isMetric } from './vocabulary';

/** A row below a header, as fastai, skorch, Chainer and YOLO print them. */
export interface TableRow {
  readonly counts: Counts;
  readonly values: ReadonlyMap<string, number>;
}

const FEWEST = 2;

/** Recognizes a table by its header: the first column is a counter, and another one is a metric. */
export class Table {
  #columns: readonly string[] | undefined;

  /** @returns `head` for a header; undefined if the line is not part of a table */
  take(line: string): TableRow | 'head' | undefined {
    const cells = cellsOf(line);
    if (cells.length < FEWEST) return undefined;
    if (counterOf(cells[0] ?? '') && cells.every((cell) => /^[\p{L}_#][^\d:=]*(?:\d[\w-]*\)?)?$/u.test(cell))) {
      if (!cells.some((cell) => isMetric(cell.replaceAll(' ', '_')))) return undefined;
      this.#columns = cells;
      return 'head';
    }
    return this.#columns?.length === cells.length ? rowOf(this.#columns, cells) : undefined;
  }
}

function rowOf(columns: readonly string[], cells: readonly string[]): TableRow | undefined {
  const [, done, of] = /^(\d+)(?:\s*\/\s*(\d+))?$/.exec(cells[0] ?? '') ?? [];
  if (done === undefined || !cells.slice(1).every((cell) => /^[-+−]?\.?\d|^(?:nan|-?inf|none|-+)$/i.test(cell)))
    return undefined;
  const comma = commaOf(cells);
  const values = new Map<string, number>();
  columns.forEach((column, index) => {
    const label = labelBefore(`${column} `);
    const named = label && nameOf(label);
    const number = numberSpelled((cells[index] ?? '').replace(/\s?%$/, ''), comma);
    if (index === 0 || !named || !isMetric(named.name) || typeof number !== 'number') return;
    values.set(named.split === undefined ? named.name : `${named.split}/${named.name}`, number);
  });
  const unit = counterOf(columns[0] ?? '')?.unit ?? 'step';
  const counted = { done: Number(done), ...(of !== undefined && { of: Number(of) }) };
  return { counts: { [unit]: counted }, values };
}

/** Without the bar that YOLO prints after its last cell. */
const cellsOf = (line: string): string[] =>
  line
    .replace(/:\s+\d+%\|.*$/, '')
    .split(/\s{2,}|\t|\s*[|│┃]\s*/)
    .map((cell) => cell.trim())
    .filter((cell) => cell !== '');
