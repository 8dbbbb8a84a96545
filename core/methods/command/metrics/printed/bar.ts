import { isSplit, splitOf } from '../splits';
import type { Value } from './values';

/** A tqdm bar after its description: `Epoch 3 Training:  45%|████▌     | 450/1000 [00:10<00:12`. */
const DRAWN = /^(?<called>.*?)(?<![\d.])\d{1,3}%\|[^|]*\|(?=\s*\d[\d.]*[kMG]?\/\d)/u;
const CALLED = /[\p{L}_][\p{L}_-]*/gu;
/** Words in a description that do not distinguish one loop from another. */
const NOTHING =
  /^(?:epochs?|ep|steps?|iter|iterations?|batch(?:es)?|progress|loop|running|run|of|the|on|in|for|at|model|loss|acc(?:uracy)?|lr|dataloader|set|data|phase|split|rank|it)$/i;

/** A line with a tqdm bar, and what its description says. */
export interface Drawn {
  /** The line without the bar itself. */
  readonly text: string;
  /** The split, if the description names one. */
  readonly split?: string;
  /** The remaining words of the description, which distinguish it from other loops. */
  readonly called: string;
}

/** @param gap replaces the bar */
export function drawnIn(line: string, gap: string): Drawn | undefined {
  const match = DRAWN.exec(line);
  const called = match?.groups?.called;
  if (!match || called === undefined) return undefined;
  // Names with values are not part of the description.
  const words = called.replaceAll(/[\p{L}_][\w.@/-]*\s*[:=]\s*[-+]?[\d.]+(?:e[-+]?\d+)?/giu, ' ').match(CALLED) ?? [];
  const split = words.findLast(isSplit)?.toLowerCase() ?? splitOf(words);
  return {
    text: `${called} ${gap} ${line.slice(match[0].length)}`,
    called: words.filter((word) => !NOTHING.test(word) && splitOf([word]) === undefined).join('_'),
    ...(split !== undefined && { split }),
  };
}

/** What follows the count of a bar: `[00:10<00:12`, `[==>...]`, `━━━`. */
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
  /** Whether the previous value is the epoch. */
  readonly afterEpoch: boolean;
  /** Whether words before it may say what it counts: "correct 9837/10000 (98%)". */
  readonly labeled: boolean;
}

/** Whether an unnamed `450/1000` is the progress of a loop, judging by its surroundings: a bar, brackets, what it counts. */
export function isBar(value: Value, { left, behind, first, afterEpoch, labeled }: Around, hasEpoch: boolean): boolean {
  if (BAR_BEHIND.test(behind)) return true;
  if (labeled) return false;
  if (value.unit !== undefined) return BATCHES.test(value.unit);
  if (afterEpoch && /^[\s:,|-]*$/.test(left)) return true;
  if (BAR_BEFORE.test(left)) return true;
  if (value.enclosed) return /\[\s*$/.test(left) || hasEpoch;
  return first && /^[\s\ue000]*$/.test(left) && (/^\s*[:,|]\s/.test(behind) || KERAS_BEHIND.test(behind));
}
