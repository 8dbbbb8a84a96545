import { splitAmong } from '../splits';
import { isPerEpoch } from '../steps';
import { hasSplit } from './evaluation-section';
import type { Counts } from './counts';
import { numberSpelled } from './number';
import type { Printed } from './object';
import { counterOf, isNoise, type Counter } from './vocabulary';

/** How many there are, and not which one this is. */
const IS_TOTAL = /^(?:epochs|batches)$/i;

/** Where an object says that the training is. */
export interface Told {
  readonly counts: Counts;
  /** Whether its step is one of the whole training by its name, and never counted on. */
  readonly overall: boolean;
}

/** @returns where an object says that the training is; `odd` for a step that is no count */
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

/** The part of the data that one of an object's texts names. */
export const splitIn = (texts: ReadonlyMap<string, string>): string | undefined => splitAmong(texts)?.toLowerCase();

/** What an object measured, without its counts. */
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

/** Whether a value of this name is one of the counts. */
export function isCount(name: string, counts: Counts, stepKey: string | undefined): boolean {
  const counter = counterIn(name, stepKey);
  return counter !== undefined && counts[counter.unit] !== undefined;
}

function counterIn(name: string, stepKey: string | undefined): Counter | undefined {
  if (stepKey === undefined) return IS_TOTAL.test(name) ? undefined : counterOf(name);
  return name.toLowerCase() === stepKey ? { unit: 'step', weight: 1, plural: false } : undefined;
}
