/** The decimal separator. */
export type DecimalMark = '.' | ',';

const NOT_FINITE = new Map([
  ['nan', NaN],
  // As Microsoft's C library prints them.
  ['nan(ind)', NaN],
  ['nan(snan)', NaN],
  ['1.#ind', NaN],
  ['1.#qnan', NaN],
  ['1.#inf', Infinity],
  ['inf', Infinity],
  ['infinity', Infinity],
]);

/** Empty cells as pandas, R, SQL and spreadsheets write them. */
const MISSING = new Set(['', '-', '--', '?', 'na', 'n/a', '#n/a', '<na>', 'nat', 'null', 'nil', 'none', 'missing']);

const COMMON = /^-?\d+(?:\.\d+)?$/;
const PLAIN = /^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/;
const DECIMAL_COMMA = /^(?:\d+,\d*|,\d+)(?:e[-+]?\d+)?$/;
/** Decimals if the decimal separator is a point, thousands if it is a comma. */
const POINT_OR_THOUSANDS = /^\d{1,3}\.\d{3}$/;
/** Unambiguous thousands: grouped by a character that does not separate a list, or followed by a different decimal mark. */
const GROUPED = /^\d{1,3}(?:(?:[\u00a0\u2009\u202f'’_]\d{3})+(?:[.,]\d+)?|(?:,\d{3})+\.\d+|(?:\.\d{3})+,\d+)$/;

/**
 * The value of a number or numeric string: as Python, C and JSON write it, with thousands separators ("1,234.5"), or in
 * percent ("95%" is 95). Undefined if it is ambiguous: "1,234" may be 1234, 1.234 or two numbers.
 * @param mark the decimal separator; with a comma, "0,5" is a number too, and "1.234" is ambiguous
 */
export function numberOf(value: unknown, mark: DecimalMark = '.'): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  // The common case.
  if (mark === '.' && COMMON.test(value)) return Number(value);
  const text = value.trim().replace(/\s*%$/, '').replace('\u2212', '-').toLowerCase();
  const unsigned = text.replace(/^[-+]/, '');
  const size = NOT_FINITE.get(unsigned) ?? sizeOf(unsigned, mark);
  return size === undefined ? undefined : text.startsWith('-') ? -size : size;
}

function sizeOf(text: string, mark: DecimalMark): number | undefined {
  if (mark === ',' && DECIMAL_COMMA.test(text)) return Number(text.replace(',', '.'));
  if (PLAIN.test(text)) return mark === ',' && POINT_OR_THOUSANDS.test(text) ? undefined : Number(text);
  if (!GROUPED.test(text)) return undefined;
  const decimals = /[.,](\d+)$/.exec(text)?.[1];
  const whole = decimals === undefined ? text : text.slice(0, -decimals.length - 1);
  return Number(`${whole.replaceAll(/\D/g, '')}.${decimals ?? ''}`);
}

export const isMissing = (text: string): boolean => MISSING.has(text.trim().toLowerCase());

/** Two or more points that do not group thousands: a version or an address. */
const VERSION = /\d\.\d{1,2}\.\d|\d\.\d+\.\d{1,2}(?!\d)/;

/** Whether it may be meant as a number: "1,234", "12 ms", "$3"; but not a date, a version or a name. */
export const looksNumeric = (text: string): boolean =>
  text.length < 40 && /^[-+$€£]?[\d.,\s]*\d[\d.,\s]*[^\d\s]{0,4}$/.test(text.trim()) && !VERSION.test(text);

/** Detects a table's decimal separator from its first unambiguous decimal number. */
export class Decimals {
  #mark: DecimalMark | undefined;
  /** The first cell read as decimals before the separator was known, although it could be thousands. */
  #assumed: string | undefined;

  /** @param delimiter what separates the cells; if it is a comma, the decimal separator cannot be */
  constructor(delimiter: string) {
    if (delimiter === ',') this.#mark = '.';
  }

  get mark(): DecimalMark {
    return this.#mark ?? '.';
  }

  /** The first cell that was read as decimals although its point separates thousands, as a later cell shows. */
  get mistaken(): string | undefined {
    return this.#mark === ',' ? this.#assumed : undefined;
  }

  learn(cells: readonly string[]): void {
    if (this.#mark !== undefined) return;
    const plain = cells.map((cell) => cell.trim().replace(/^[-+\u2212]/, ''));
    const told = new Set(plain.map(markIn));
    this.#mark = told.has('.') ? '.' : told.has(',') ? ',' : undefined;
    if (this.#mark === undefined) this.#assumed ??= plain.find((cell) => POINT_OR_THOUSANDS.test(cell));
  }
}

function markIn(text: string): DecimalMark | undefined {
  const number = text.replace(/\s*%$/, '').toLowerCase();
  if (DECIMAL_COMMA.test(number)) return ',';
  if (GROUPED.test(number)) return /([.,])\d+$/.exec(number)?.[1] as DecimalMark | undefined;
  return PLAIN.test(number) && /\.|e/.test(number) && !POINT_OR_THOUSANDS.test(number) ? '.' : undefined;
}
