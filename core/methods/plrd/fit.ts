import * as l10n from '@vscode/l10n';
import type { JsonObject } from '../../checkpoint/model-folder';
import { UserError } from '../../errors';
import { parseDecoderConfig, type DecoderConfig } from '../../models/decoder/config';
import { countParameters, type LinearLayer } from '../../models/decoder/layout';
import type { PlrdConfig } from './config';
import { breakEven, decomposable, evenRanks, keptBy, notAbove, scheduleRatios } from './allocation/ranks';

/**
 * Continues a family below the size of the model: with the sizes of the schedule that are smaller or, if there are none
 * (the model is the last of its family), with the whole schedule again, relative to the model.
 */
export function fitTo(config: PlrdConfig, json: JsonObject): PlrdConfig {
  const parent = parseDecoderConfig(json);
  const fitting = {
    ...config,
    layers: { ...config.layers, skipBlocks: config.layers.skipBlocks.filter((block) => block < parent.layers) },
  };
  const layers = decomposable(parent, fitting.layers);
  for (const values of [config.schedule.values, again(fitting, parent, layers)]) {
    const smaller = smallerThan(fitting, parent, layers, values);
    if (smaller.length > 0) return { ...fitting, schedule: { ...config.schedule, values: smaller } };
  }
  throw new UserError(
    'plrd.not-smaller',
    l10n.t`The model cannot become smaller: its ranks are about ${config.rankMultiple}, the step in which they are chosen.`,
    l10n.t('Use a smaller rankMultiple, or another model.'),
  );
}

/** The values that make each model smaller than the one before. */
function smallerThan(
  config: PlrdConfig,
  parent: DecoderConfig,
  layers: readonly LinearLayer[],
  values: readonly number[],
): number[] {
  const kept: number[] = [];
  let before = parent;
  for (const value of values) {
    const next = sized(config, parent, layers, [...kept, value], before);
    if (!next || countParameters(next).linear >= countParameters(before).linear) continue;
    kept.push(value);
    before = next;
  }
  return kept;
}

/** The model for the last of the values; undefined if the schedule does not allow it. */
function sized(
  config: PlrdConfig,
  parent: DecoderConfig,
  layers: readonly LinearLayer[],
  values: number[],
  before: DecoderConfig,
): DecoderConfig | undefined {
  const { by } = config.schedule;
  try {
    const ratio = scheduleRatios({ ...config, schedule: { by, values } }, parent, layers).at(-1)!;
    const rank = by === 'rank' ? values.at(-1) : undefined;
    const ranks = notAbove(evenRanks(layers, { ratio, rank }, config.rankMultiple), before.ranks);
    return { ...parent, ranks: { ...before.ranks, ...ranks } };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The schedule rescaled to the model's size. */
function again(config: PlrdConfig, parent: DecoderConfig, layers: readonly LinearLayer[]): number[] {
  const { by, values } = config.schedule;
  const size = sizeIn(by, parent, layers);
  // Ratios are relative to a full model already. Absolute values are taken relative to a model a third larger than the
  // first member.
  const whole = by === 'ratio' ? 1 : Math.max(...values) / FIRST_SHARE;
  const scaled = values.map((value) => (size * value) / whole);
  return by === 'ratio' ? scaled.map((value) => Number(value.toPrecision(2))) : scaled.map(Math.floor).filter(Boolean);
}

/** The fraction that the first member of a typical schedule keeps. */
const FIRST_SHARE = 0.75;

function sizeIn(by: PlrdConfig['schedule']['by'], parent: DecoderConfig, layers: readonly LinearLayer[]): number {
  if (by === 'parameters') return countParameters(parent).total;
  if (by === 'ratio') return keptBy(parent, layers);
  return Math.min(...layers.map((layer) => parent.ranks[layer.name] ?? breakEven(layer)));
}
