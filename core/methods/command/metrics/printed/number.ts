/** The meaning of commas in a line's numbers; `mixed` if its numbers contradict each other. */
export type Comma = 'thousands' | 'decimal' | 'mixed';

const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: NaN,
  '-nan': NaN,
  inf: Infinity,
  infinity: Infinity,
  '-inf': -Infinity,
  '-infinity': -Infinity,
};

const SPACES = String.raw`\u00a0\u2009\u202f`;
/** `0.5`, `5.`, `.5`, `1e-3`, and Fortran's `1D-03`. */
const PLAIN = /^-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/;
/** `1,234`, `1,234,567.8`, `1_234`, `1'234.5`, and thin spaces */
const GROUPED = new RegExp(String.raw`^-?[1-9]\d{0,2}(?:([,_'’${SPACES}])\d{3})(?:\1\d{3})*(?:\.\d*)?$`);
/** `1.234,5`, `1 234,5` */
const GROUPED_BEFORE_COMMA = new RegExp(String.raw`^-?[1-9]\d{0,2}(?:([.'’${SPACES}])\d{3})(?:\1\d{3})*,\d+$`);
/** `0,53`, `12,5`, `1,2e-3` */
const DECIMAL_COMMA = /^-?(?:0|[1-9]\d*),\d+(?:e[-+]?\d+)?$/;
/** `1,234` and `12,345`: thousands or decimals, depending on the country */
const EITHER = /^-?[1-9]\d{0,2},\d{3}(?:e[-+]?\d+)?$/;
/** `1.2×10^-3`, `1.2*10**-3`, `1.2x10⁻³` */
const TIMES_TEN = /^(.+?)\s?[×x·*]\s?10(?:(?:\^|\*\*)([-+]?\d+)|([⁺⁻]?[⁰¹²³⁴-⁹]+))$/;
const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/**
 * Parses a number as Python, C, Fortran, R and people write it.
 * @param comma the meaning of a comma that the number alone leaves open
 * @returns `ambiguous` if a comma could be either; undefined if the text is not a number, or one that overflows a double
 */
export function numberSpelled(text: string, comma?: Comma): number | 'ambiguous' | undefined {
  const word = text
    .trim()
    .toLowerCase()
    .replaceAll(/[−﹣－]/g, '-')
    .replace(/^\+/, '');
  if (Object.hasOwn(NOT_FINITE, word)) return NOT_FINITE[word];
  const power = TIMES_TEN.exec(word);
  if (power) return finite(`${power[1]}e${power[2] ?? lowered(power[3] ?? '')}`);
  if (/^-?[\d.]+d[-+]?\d+$/.test(word)) return finite(word.replace('d', 'e'));
  // A point marks decimals, unless the line has decimal commas too: then it may separate thousands, as in German.
  if (comma === 'mixed' && /^-?[1-9]\d{0,2}\.\d{3}$/.test(word)) return 'ambiguous';
  if (PLAIN.test(word)) return finite(word);
  if (EITHER.test(word)) {
    if (comma === undefined || comma === 'mixed') return 'ambiguous';
    return finite(word.replace(',', comma === 'thousands' ? '' : '.'));
  }
  if (GROUPED.test(word)) {
    const certain = !word.includes(',') || word.includes('.');
    if (!certain && (comma === 'decimal' || comma === 'mixed')) return 'ambiguous';
    return finite(word.replaceAll(/[^-\d.]/g, ''));
  }
  if (GROUPED_BEFORE_COMMA.test(word) || DECIMAL_COMMA.test(word)) {
    if (comma === 'thousands' || comma === 'mixed') return 'ambiguous';
    const [whole = '', fraction = ''] = word.split(',');
    return finite(`${whole.replaceAll(/[^-\d]/g, '')}.${fraction}`);
  }
  return undefined;
}

/** A number that overflows is not an infinity; only `inf` is. */
function finite(text: string): number | undefined {
  const value = PLAIN.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

const lowered = (raised: string) =>
  Array.from(raised, (digit) => (digit === '⁻' ? '-' : digit === '⁺' ? '' : String(RAISED.indexOf(digit)))).join('');

/** The meaning of commas on a line, from its unambiguous numbers; undefined if there are none. */
export function commaOf(numbers: readonly string[]): Comma | undefined {
  const points = numbers.some((text) => /^[-+−]?(?:\d+|\d{1,3}(?:,\d{3})+)\.\d+(?:e[-+]?\d+)?$/i.test(text));
  const commas = numbers.some(
    (text) =>
      /^[^,]+,[^,]+$/.test(text) && !text.includes('.', text.indexOf(',')) && typeof numberSpelled(text) === 'number',
  );
  if (points && commas) return 'mixed';
  return points ? 'thousands' : commas ? 'decimal' : undefined;
}
