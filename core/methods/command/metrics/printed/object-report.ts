import { splitAmong } from '../splits';
import { isPerEpoch } from '../steps';
import { hasSplit } from './evaluation-section';
import type { Counts } from './counts';
import { numberSpelled } from './number';
import type { Printed } from './object';
import { counterOf, isNoise, type Counter } from './vocabulary';

/** Totals rather than counters. */
const IS_TOTAL = /^(?:epochs|batches)$/i;

/** Position in the training that an object gives. */
export interface Told {
  readonly counts: Counts;
  /** Whether its step is global by its name, and therefore recorded as printed. */
  readonly overall: boolean;
}

/** @returns the position in the training that an object gives; `odd` if its step is invalid */
export function countsOf({ numbers, texts }: Pick<Printed, 'numbers' | 'texts'>, stepKey?: string): Told | 'odd' {
  const found: { -readonly [Key in keyof Counts]: Counts[Key] } = {};
  const weights: Partial<Record<keyof Counts, number>> = {};
  let odd = false;
  let overall = false;
  const told: readonly [string, number | string][] = [...numbers, ...[...texts].filter(([name]) => !numbers.has(name))];
  for (const [name, value] of told) {
    const counter = counterIn(name, stepKey);
    if (!counter) continue;
    const { unit, weight } = counter;
    const done = typeof value === 'string' ? numberSpelled(value, 'thousands') : value;
    if (typeof done === 'number' && Number.isSafeInteger(done) && done >= 0) {
      if (weight > (weights[unit] ?? 0)) {
        found[unit] = { done };
        if (unit === 'step') overall = !isPerEpoch(name);
      }
      weights[unit] = Math.max(weight, weights[unit] ?? 0);
    } else if (unit === 'step') odd = true;
  }
  if (odd && !found.step) return 'odd';
  const { batch, ...rest } = found;
  return { counts: batch && found.epoch ? { ...rest, batch } : rest, overall };
}

/** The split that one of an object's strings names. */
export const splitIn = (texts: ReadonlyMap<string, string>): string | undefined => splitAmong(texts)?.toLowerCase();

/** The values in an object, without its counters. */
export function measuredIn(
  numbers: ReadonlyMap<string, number>,
  counts: Counts,
  split: string | undefined,
  stepKey: string | undefined,
): Map<string, number> {
  return new Map(
    [...numbers]
      .filter(([name]) => !isNoise(name) && !isCount(name, counts, stepKey))
      .map(([name, value]) => [split === undefined || hasSplit(name) ? name : `${split}/${name}`, value]),
  );
}

/** Whether the name is that of one of the counts. */
export function isCount(name: string, counts: Counts, stepKey: string | undefined): boolean {
  const counter = counterIn(name, stepKey);
  return counter !== undefined && counts[counter.unit] !== undefined;
}

function counterIn(name: string, stepKey: string | undefined): Counter | undefined {
  if (stepKey === undefined) return IS_TOTAL.test(name) ? undefined : counterOf(name);
  return name.toLowerCase() === stepKey ? { unit: 'step', weight: 1, plural: false } : undefined;
}
