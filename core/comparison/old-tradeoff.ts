import path from 'node:path';
import * as z from 'zod';
import { remove } from '../files';
import { dropOf } from '../protocol/metric-drop';
import type { Results } from '../protocol/results';
import { readSealed } from '../sealed-file';
import { variantTimes, type VariantTimes } from './speed/times';

/**
 * `artifacts/tradeoff.json` of Winnow before 0.2: the raw trials of a run, in three shapes. Only this file knows them:
 * it detects the shape and renames keys; the trials themselves are unchanged.
 */
export const OLD_FILE = 'tradeoff.json';

type Json = Readonly<Record<string, unknown>>;

/** An old file with today's names. */
export interface OldRun {
  /** A `family` of a language model, a comparison of `vision` transformers, or a `selection` of samples. */
  readonly shape: 'family' | 'vision' | 'selection';
  /** Facts about the whole run. */
  readonly facts: Json;
  readonly variants: readonly Json[];
  /** One per model; the file of a family does not record its seed. */
  readonly trials: readonly (Json & { readonly variant: string; readonly seed?: number })[];
  readonly times: readonly VariantTimes[];
}

const version = z.literal(1);
const named = z.looseObject({ name: z.string() });
const speed = variantTimes.omit({ variant: true });

const family = z.object({ version, kind: z.undefined().optional(), blockLength: z.number(), points: z.array(named) });
const vision = z.looseObject({
  version,
  kind: z.literal('vision'),
  contenders: z.array(named.extend({ speed: speed.optional() })),
  trials: z.array(z.looseObject({ contender: z.string(), seed: z.number() })),
});
const selection = z.looseObject({
  version,
  kind: z.literal('selection'),
  contestants: z.array(named),
  trials: z.array(z.looseObject({ contestant: z.string(), seed: z.number() })),
});

/** An object without some of its keys. */
const without = (value: Json, ...keys: readonly string[]): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));

const old = z.union([
  family.transform(({ points, blockLength }): OldRun => ({
    shape: 'family',
    facts: { blockLength },
    variants: [],
    trials: points.map((point) => ({ ...point, variant: point.name })),
    times: [],
  })),
  vision.transform(({ contenders, trials, kind: shape, ...rest }): OldRun => ({
    shape,
    facts: without(rest, 'version'),
    variants: contenders.map((variant) => without(variant, 'speed')),
    trials: trials.map(({ contender: variant, ...trial }) => ({ ...trial, variant })),
    times: contenders.flatMap(({ name, speed: own }) => (own ? [{ variant: name, ...own }] : [])),
  })),
  selection.transform(({ contestants, trials, kind: shape, ...rest }): OldRun => ({
    shape,
    facts: without(rest, 'version'),
    variants: contestants,
    trials: trials.map(({ contestant: variant, ...trial }) => ({ ...trial, variant })),
    times: [],
  })),
]);

/** Undefined if a run has none. @throws UserError `file.damaged` */
export const readOldRun = (artifactsDir: string): Promise<OldRun | undefined> =>
  readSealed(path.join(artifactsDir, OLD_FILE), old);

/** Renames the drop of the primary metric, which earlier versions called `lost`, to its current key. */
export function withDropKey(results: Results): Results {
  if (!results.metrics.some(({ key }) => key === LOST)) return results;
  const now = dropOf(String(results.details?.metric ?? 'accuracy'));
  const keyOf = (key: string) => (key === LOST ? now : key);
  const renamed = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [keyOf(key), value]));
  return {
    ...results,
    metrics: results.metrics.map((metric) => ({ ...metric, key: keyOf(metric.key) })),
    points: results.points.map((point) => ({
      ...point,
      values: renamed(point.values),
      ...(point.spread && { spread: renamed(point.spread) }),
    })),
    table: { ...results.table, columns: results.table.columns.map(keyOf) },
  };
}

const LOST = 'lost';

/** Removes the old file, once its contents are in `trials/`. */
export const removeOldRun = (artifactsDir: string): Promise<void> => remove(path.join(artifactsDir, OLD_FILE));
