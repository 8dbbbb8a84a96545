import type { Value } from './values';

/** What stands behind the count of a bar: `[00:10<00:12`, `[==>...]`, `━━━`. */
const BAR_BEHIND = /^\s*(?:\[\s*(?:\ue000|\?|[=>.#-]{2})|[━═█╸╺─]|[=#>]{3})/;
/** Keras without its bar: `938/938 - 2s - loss: 0.2`. */
const KERAS_BEHIND = /^\s-\s/;
const BAR_BEFORE = /[━═>#█╸╺─=]\s*$/;
const BATCHES = /^(?:batch|step|iter|it|sample|image|img|example)/i;

interface Around {
  readonly left: string;
  readonly behind: string;
  /** Whether it is the first value of the line. */
  readonly first: boolean;
  /** Whether the value before it is the epoch. */
  readonly afterEpoch: boolean;
  /** Whether words stand before it, which it may count: "correct 9837/10000 (98%)". */
  readonly labelled: boolean;
}

/** Whether `450/1000` without a name is how far a loop is, by what stands around it: a bar, brackets, what it counts. */
export function isBar(value: Value, { left, behind, first, afterEpoch, labelled }: Around, hasEpoch: boolean): boolean {
  if (BAR_BEHIND.test(behind)) return true;
  if (labelled) return false;
  if (value.unit !== undefined) return BATCHES.test(value.unit);
  if (afterEpoch && /^[\s:,|-]*$/.test(left)) return true;
  if (BAR_BEFORE.test(left)) return true;
  if (value.enclosed) return /\[\s*$/.test(left) || hasEpoch;
  return first && /^[\s\ue000]*$/.test(left) && (/^\s*[:,|]\s/.test(behind) || KERAS_BEHIND.test(behind));
}
