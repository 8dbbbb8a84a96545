import { commaOf, numberSpelled, type Comma } from './number';

export interface Value {
  readonly start: number;
  readonly end: number;
  /** As printed, without percent sign, unit or wrapper. */
  readonly text: string;
  /** Undefined if it is not a number (a time, a version, a list), or its unit shows that it is not a metric. */
  readonly number?: number;
  /** Its comma could separate thousands or decimals. */
  readonly ambiguous?: true;
  /** The total in `450/1000` or `3 of 10`. */
  readonly of?: number;
  readonly percent?: true;
  /** The unit in `200/2983 batches`. */
  readonly unit?: string;
  /** Whether it is alone in brackets or a call: `[0.5]`, `(3/10)`, `tensor(…)`. */
  readonly enclosed?: true;
}

const CALL = String.raw`(?<![\w.])(?:[A-Za-z_]\w*\.)*(?:b?float\d*|u?int\d*|double|longdouble|half|scalar|ndarray|Decimal|[Tt]ensor|EagerTensor|[Aa]rray|DeviceArray|Parameter|Variable)\(`;
const TF_TENSOR = String.raw`<tf\.(?:Tensor|Variable)\b[^>]*>`;
const WORD = String.raw`(?<![\p{L}\p{N}_./\\-])[-+−]?(?:nan|inf|infinity)(?![\p{L}\p{N}_.(/-]|\s*[:=])`;
/** From a digit to the next space, bracket or quote: either all of it is a number, or none of it. */
const CHUNK = String.raw`(?<![\p{L}\p{N}_.@/\\~<>≈≤≥$€£-])[-+−]?\.?\d(?:[\p{L}\p{N}_.:%+−×·^*~°⁺⁻-]|\/(?=[\p{L}\p{N}])|,(?=\d)|['’](?=\d)|[\u00a0\u2009\u202f](?=\d{3})|\s[×x]\s(?=10[\^⁻⁰¹²³⁴-⁹]))*`;
const SCAN = new RegExp(`(?<call>${CALL})|(?<tf>${TF_TENSOR})|(?<word>${WORD})|(?<chunk>${CHUNK})`, 'giu');

/** Groups of digits separated by spaces may be one number. */
const SPACED = /^(?: \d{3})+(?:[.,]\d+)?(?=$|[\s,;.|)\]])(?!\s*[/%])/;
const TOTAL = /^\s*\/\s*(\d[\d,]*)(?![\w.])|^\s+of\s+(\d[\d,]*)(?![\w.])/;
/** A word followed by a sign or number is a name, not a unit. */
const NO_NAME = String.raw`(?![\p{L}\p{N}_/]|\s*[:=]|\s*[#[(]*\s*\d)`;
/** Units that make a number an amount of time, memory or work, not a metric. */
const UNIT = new RegExp(
  String.raw`^\s?(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|[kmgtp]i?b|bytes?|[kmg]?hz|watts?|°?c|k|m|b|x|thousand|million|billion|t?flops?|mfu|e[-+]?\d+|\p{L}+\/(?:s|sec|step|iter|it|epoch|batch|sample|token|image|img)s?)${NO_NAME}`,
  'iu',
);
/** Units of metrics; the number is kept. */
const MEASURE = new RegExp(String.raw`^ (?:db|nats?|bits?|bpc|bpd|bpb|pts?)(?:\/\p{L}+)?${NO_NAME}`, 'iu');
/** Things that a whole number may count. */
const THINGS = new RegExp(
  String.raw`^\s?(?:toks?|tokens?|samples?|images?|imgs?|examples?|sentences?|words?|files?|items?|batch(?:es)?|steps?|iters?|iterations|it|epochs?|params?|parameters|points?|gpus?)${NO_NAME}`,
  'iu',
);
/** What may follow a number. */
const BEHIND = /^(?:$|[\s,;|)\]}"'’([±✓✔★↑↓•━─│┃\ue000]|\+\/?-)/u;
/** What follows a number that changes into another, or is part of a bound or product. */
const CHANGED = /^\s*(?:\/|-+>|→|=+>|⇒|(?:up|down)?\s*to\s+[-+]?\.?\d|[<>]|[*×]|x\s?\d)/;

/** The values on a line, in order. */
export function valuesIn(line: string): Value[] {
  const raw: RegExpExecArray[] = [];
  for (let from = 0; ;) {
    SCAN.lastIndex = from;
    const match = SCAN.exec(line);
    if (!match) break;
    if (match.groups?.call !== undefined)
      match[0] = line.slice(match.index, closing(line, match.index + match[0].length - 1));
    raw.push(match);
    from = match.index + match[0].length;
  }
  const comma = commaOf(raw.flatMap(({ groups, 0: text }) => (groups?.chunk === undefined ? [] : [trimmed(text)])));
  const values: Value[] = [];
  let end = 0;
  for (const match of raw) {
    if (match.index < end) continue;
    const value = valueOf(match, line, comma);
    values.push(value);
    end = value.end;
  }
  return values;
}

const trimmed = (chunk: string) =>
  chunk.replace(/[.:'’]+$/, (ending) => (ending === '.' && /^[-+−]?\d+\.$/.test(chunk) ? '.' : '')).replace(/%$/, '');

function valueOf(match: RegExpExecArray, line: string, comma: Comma | undefined): Value {
  const { index: start, groups = {} } = match;
  const end = start + match[0].length;
  if (groups.call !== undefined || groups.tf !== undefined) {
    const number = unwrapped(match[0]);
    return { start, end, text: match[0], enclosed: true, ...(number !== undefined && { number }) };
  }
  if (groups.word !== undefined)
    return settled({ start, end, text: match[0], number: numberSpelled(match[0]) as number }, line);
  return chunkOf(match[0], start, line, comma);
}

function chunkOf(chunk: string, start: number, line: string, comma: Comma | undefined): Value {
  const text = trimmed(chunk);
  const percent = /^\s?%/.exec(line.slice(start + text.length))?.[0];
  const plainEnd = start + text.length + (percent?.length ?? 0);
  const glued = /^(\d[\d,]*)\/(\d[\d,]*)$/.exec(text);
  if (glued) return shareOf(glued[1]!, glued[2]!, start, start + text.length, line);
  if (/^[-+]?\d[\d,]*$/.test(text)) {
    const rest = line.slice(start + text.length);
    const total = TOTAL.exec(rest);
    if (total) return shareOf(text, total[1] ?? total[2] ?? '', start, start + text.length + total[0].length, line);
    const spaced = /^[-+]?[1-9]\d{0,2}$/.test(text) ? SPACED.exec(rest) : null;
    if (spaced) return { start, end: start + text.length + spaced[0].length, text: text + spaced[0], ambiguous: true };
  }
  const number = numberSpelled(text, comma);
  if (number === undefined) return { start, end: start + chunk.length, text };
  const value = { start, end: plainEnd, text, ...(percent !== undefined && { percent: true as const }) };
  return settled(number === 'ambiguous' ? { ...value, ambiguous: true } : { ...value, number }, line);
}

function shareOf(done: string, total: string, start: number, end: number, line: string): Value {
  const [number, of] = [done, total].map((count) => numberSpelled(count, 'thousands'));
  if (typeof number !== 'number' || typeof of !== 'number') return { start, end, text: done };
  const enclosed = isEnclosed(line, start, end) === true;
  const rest = line.slice(end, end + 40);
  const unit = (UNIT.exec(rest) ?? THINGS.exec(rest))?.[0].trim();
  return { start, end, text: done, number, of, ...(enclosed && { enclosed }), ...(unit !== undefined && { unit }) };
}

/** Removes the number if its surroundings show that it is not a value of its own. */
function settled(value: Value, line: string): Value {
  const rest = line.slice(value.end, value.end + 40);
  const enclosed = isEnclosed(line, value.start, value.end);
  const amount = UNIT.exec(rest)?.[0];
  if (
    !BEHIND.test(/^:(?=\s|$)/.test(rest) || /^\.+(?=\s|$)/.test(rest) ? '' : rest) ||
    CHANGED.test(rest) ||
    amount !== undefined ||
    (/^[-+]?[\d,]+$/.test(value.text) && THINGS.test(rest)) ||
    enclosed === 'among others'
  )
    return { start: value.start, end: value.end + (amount?.length ?? 0), text: value.text };
  const measure = MEASURE.exec(rest)?.[0].length ?? 0;
  return { ...value, end: value.end + measure, ...(enclosed && { enclosed }) };
}

/** True if it is alone in brackets. */
function isEnclosed(line: string, start: number, end: number): true | undefined | 'among others' {
  const before = /[[(]\s*$/.exec(line.slice(Math.max(0, start - 8), start))?.[0].charAt(0);
  if (before === undefined) return undefined;
  const behind = line.slice(end, end + 40);
  return (before === '[' ? /^\s*(?:\([^()]*\))?\s*\]/ : /^\s*%?\s*\)/).test(behind) ? true : 'among others';
}

/** The index after the bracket that closes the one at `open`, or the end of the line. */
function closing(line: string, open: number): number {
  let depth = 0;
  for (let i = open; i < line.length; i++) {
    const letter = line[i]!;
    if ('([{'.includes(letter)) depth++;
    else if (')]}'.includes(letter) && --depth === 0) return i + 1;
  }
  return line.length;
}

/** The number in `np.float64(0.5)`, `tensor([0.5], device='cuda:0')`, `<tf.Tensor: shape=(), dtype=float32, numpy=0.5>`. */
export function unwrapped(call: string): number | undefined {
  const inner = /^<.*numpy=(.*)>$/s.exec(call)?.[1] ?? /^[^(]*\((.*)\)$/s.exec(call)?.[1] ?? '';
  const first =
    /^\s*(?:data=)?\s*[[('"]*\s*([^\s,[\]()'"]+)\s*[\])'"]*\s*(?:,\s*[A-Za-z_]\w*\s*=.*|,\s*shape=.*)?$/s.exec(
      inner,
    )?.[1];
  const number = first === undefined ? undefined : numberSpelled(first);
  return number === 'ambiguous' ? undefined : number;
}
