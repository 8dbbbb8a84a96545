import { isSplit, splitOf } from '../splits';
import type { Value } from './values';

/** `Epoch 3 Training:  45%|████▌     | 450/1000 [00:10<00:12`: what tqdm draws, behind what its bar is called. */
const DRAWN = /^(?<called>.*?)(?<![\d.])\d{1,3}%\|[^|]*\|(?=\s*\d[\d.]*[kMG]?\/\d)/u;
const CALLED = /[\p{L}_][\p{L}_-]*/gu;
/** Words that say of a loop nothing that tells it from others. */
const NOTHING =
  /^(?:epochs?|ep|steps?|iter|iterations?|batch(?:es)?|progress|loop|running|run|of|the|on|in|for|at|model|loss|acc(?:uracy)?|lr|dataloader|set|data|phase|split|rank|it)$/i;

/** The bar of a line, and what is known of it by its description. */
export interface Drawn {
  /** The line without the drawing. */
  readonly text: string;
  /** The part of the data, where the description says it. */
  readonly split?: string;
  /** The words that are left of its description: which of several loops it is. */
  readonly called: string;
}

/** @param gap stands for the drawing */
export function drawnIn(line: string, gap: string): Drawn | undefined {
  const match = DRAWN.exec(line);
  const called = match?.groups?.called;
  if (!match || called === undefined) return undefined;
  // What has a value behind it is no description of the bar.
  const words = called.replaceAll(/[\p{L}_][\w.@/-]*\s*[:=]\s*[-+]?[\d.]+(?:e[-+]?\d+)?/giu, ' ').match(CALLED) ?? [];
  const split = words.findLast(isSplit)?.toLowerCase() ?? splitOf(words);
  return {
    text: `${called} ${gap} ${line.slice(match[0].length)}`,
    called: words.filter((word) => !NOTHING.test(word) && splitOf([word]) === undefined).join('_'),
    ...(split !== undefined && { split }),
  };
}

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
  readonly labeled: boolean;
}

/** Whether `450/1000` without a name is how far a loop is, by what stands around it: a bar, brackets, what it counts. */
export function isBar(value: Value, { left, behind, first, afterEpoch, labeled }: Around, hasEpoch: boolean): boolean {
  if (BAR_BEHIND.test(behind)) return true;
  if (labeled) return false;
  if (value.unit !== undefined) return BATCHES.test(value.unit);
  if (afterEpoch && /^[\s:,|-]*$/.test(left)) return true;
  if (BAR_BEFORE.test(left)) return true;
  if (value.enclosed) return /\[\s*$/.test(left) || hasEpoch;
  return first && /^[\s\ue000]*$/.test(left) && (/^\s*[:,|]\s/.test(behind) || KERAS_BEHIND.test(behind));
}
