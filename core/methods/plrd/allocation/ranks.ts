import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import type { DecoderConfig } from '../../../models/decoder/config';
import type { LinearLayer } from '../../../models/decoder/layout';
import { countParameters, linearLayers } from '../../../models/decoder/layout';
import type { PlrdConfig } from '../config';

/** Rank of each factored layer, by name; layers without an entry are full. */
export type Ranks = Readonly<Record<string, number>>;

/** The layers that a spec asks to factor. */
export function decomposable(decoder: DecoderConfig, { kinds, skipBlocks }: PlrdConfig['layers']): LinearLayer[] {
  const missing = skipBlocks.find((block) => block >= decoder.layers);
  if (missing !== undefined)
    throw new UserError(
      'plrd.no-such-block',
      l10n.t`layers.skipBlocks names block ${missing}; the parent has blocks 0 to ${decoder.layers - 1}.`,
      l10n.t('Leave it out.'),
    );
  const layers = linearLayers(decoder).filter(({ kind, layer }) => kinds.includes(kind) && !skipBlocks.includes(layer));
  if (layers.length === 0)
    throw new UserError(
      'plrd.no-layers',
      l10n.t('The spec leaves no layer to factor.'),
      l10n.t('Check layers.kinds and layers.skipBlocks.'),
    );
  return layers;
}

/** The rank above which the two factors of an m × n matrix have more elements than the matrix: mn / (m + n). */
export const breakEven = ({ outputs, inputs }: LinearLayer): number => (outputs * inputs) / (outputs + inputs);

/**
 * The ratio ρ of elements that remain in the layers, for a member with the given total: total parameters minus those
 * outside the decomposable layers, divided by the full size of those layers.
 * @param parent full or factored; its decomposable layers count as full, the others as they are
 */
export function ratioFor(total: number, parent: DecoderConfig, layers: readonly LinearLayer[]): number {
  const inside = new Set(layers.map(({ name }) => name));
  const outside = Object.fromEntries(Object.entries(parent.ranks).filter(([name]) => !inside.has(name)));
  const full = countParameters({ ...parent, ranks: outside }).total;
  const linear = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const fixed = full - linear;
  if (total <= fixed)
    throw new UserError(
      'plrd.target-too-small',
      l10n.t`A member of ${total} parameters is impossible: ${fixed} of the parent's lie outside the layers to factor.`,
      l10n.t('Ask for larger members, or factor more layers.'),
    );
  if (total > full)
    throw new UserError(
      'plrd.target-too-large',
      l10n.t`A member of ${total} parameters would be larger than its parent of ${full}.`,
      l10n.t('Members are smaller than the parent.'),
    );
  return (total - fixed) / linear;
}

/** The multiple nearest to ⌊rank⌋: at least one multiple, and below break-even if possible. */
function multipleOf(layer: LinearLayer, rank: number, multiple: number): number {
  const nearest = Math.max(1, Math.round(Math.floor(rank) / multiple)) * multiple;
  return nearest > multiple && nearest >= breakEven(layer) ? nearest - multiple : nearest;
}

/** The layers that become smaller with a rank of one multiple; the others stay full. */
const shrinkable = (layers: readonly LinearLayer[], multiple: number): LinearLayer[] =>
  layers.filter((layer) => multiple < breakEven(layer));

/** The same ratio for every layer: r = ⌊ρ mn / (m + n)⌋, rounded to multiples (Section 1 of the paper's setting, equal ρ). */
export function uniformRanks(layers: readonly LinearLayer[], ratio: number, multiple: number): Ranks {
  if (ratio >= 1) return {};
  return Object.fromEntries(
    shrinkable(layers, multiple).map((layer) => [
      layer.name,
      capped(layer, multipleOf(layer, ratio * breakEven(layer), multiple)),
    ]),
  );
}

/** The size that a schedule asks for: a ratio of elements, and the rank of every layer if the schedule gives ranks. */
export interface Size {
  readonly ratio: number;
  readonly rank: number | undefined;
}

/** The ranks for a size without preferring any layer: the schedule's rank, or the same ratio for every layer. */
export function evenRanks(layers: readonly LinearLayer[], { ratio, rank }: Size, multiple: number): Ranks {
  if (rank === undefined) return uniformRanks(layers, ratio, multiple);
  // A layer that the rank would not shrink stays full.
  return Object.fromEntries(layers.filter((layer) => rank < breakEven(layer)).map(({ name }) => [name, rank]));
}

/** The rank cannot exceed that of the matrix. */
const capped = ({ outputs, inputs }: LinearLayer, rank: number): number => Math.min(rank, outputs, inputs);

/**
 * Distributes a budget of elements greedily: each multiple of rank goes to the layer whose next singular values hold
 * the most energy per element.
 * @param spectra singular values of each layer by name, descending
 * @param budget elements in all factors together
 * @param energy counted as a share of the layer's own, or as it is, if the energies of layers are comparable
 */
export function energyRanks(
  layers: readonly LinearLayer[],
  spectra: ReadonlyMap<string, Float64Array>,
  budget: number,
  multiple: number,
  energy: 'relative' | 'absolute' = 'relative',
): Ranks {
  const state = shrinkable(layers, multiple).map((layer) => {
    const values = spectra.get(layer.name) ?? new Float64Array();
    const total = energy === 'absolute' ? 1 : values.reduce((sum, s) => sum + s * s, 0) || 1;
    return { layer, values, total, rank: 0 };
  });
  const cost = (layer: LinearLayer, ranks: number) => ranks * (layer.outputs + layer.inputs);
  const gain = ({ layer, values, total, rank }: (typeof state)[number]) => {
    const next = values.subarray(rank, rank + multiple).reduce((sum, s) => sum + s * s, 0);
    return next / total / cost(layer, multiple);
  };
  const factored = new Set(state.map(({ layer }) => layer.name));
  const full = layers.filter(({ name }) => !factored.has(name));
  let left = full.reduce((sum, { outputs, inputs }) => sum - outputs * inputs, budget);
  const grow = (entry: (typeof state)[number]) => {
    entry.rank = capped(entry.layer, entry.rank + multiple);
    left -= cost(entry.layer, multiple);
  };
  state.forEach(grow); // every layer keeps at least one multiple
  for (;;) {
    const open = state.filter(
      ({ layer, rank }) => rank + multiple <= breakEven(layer) && cost(layer, multiple) <= left,
    );
    const best = open.reduce<(typeof state)[number] | undefined>(
      (a, b) => (a && gain(a) >= gain(b) ? a : b),
      undefined,
    );
    if (!best) break;
    grow(best);
  }
  return Object.fromEntries(state.map(({ layer, rank }) => [layer.name, rank]));
}

/** Limits ranks to the current ones: decomposing again never increases a rank. */
export function notAbove(ranks: Ranks, current: Ranks): Ranks {
  return Object.fromEntries(Object.entries(ranks).map(([name, rank]) => [name, Math.min(rank, current[name] ?? rank)]));
}

/** @throws UserError `plrd.not-smaller` if rounding ranks to multiples makes a member as large as its source */
export function requireSmaller(member: string, before: DecoderConfig, after: DecoderConfig): void {
  if (countParameters(after).linear < countParameters(before).linear) return;
  throw new UserError(
    'plrd.not-smaller',
    l10n.t`${member} would not be smaller than the model that it is made from.`,
    l10n.t('Choose values of schedule.values that lie further apart, or a smaller rankMultiple.'),
  );
}

/** The ranks that a layer can have in a member: multiples below break-even and not above the present rank, or a single one. */
export function possibleRanks(layer: LinearLayer, current: number | undefined, multiple: number): number[] {
  const most = Math.min(current ?? Infinity, layer.outputs, layer.inputs);
  const ranks: number[] = [];
  for (let rank = multiple; rank <= most && rank < breakEven(layer); rank += multiple) ranks.push(rank);
  return ranks;
}

/** @param smallest elements of the layers at their smallest ranks */
export const tooSmall = (smallest: number, budget: number): UserError =>
  new UserError(
    'plrd.target-too-small',
    l10n.t`The smallest ranks already have ${Math.round(smallest)} elements, but the member may have ${Math.floor(budget)}.`,
    l10n.t('Ask for larger members, or choose a smaller rankMultiple.'),
  );

/** @throws UserError `plrd.target-too-small` if no ranks in the multiple fit into the ratio, wherever they go */
export function requireRoom(layers: readonly LinearLayer[], current: Ranks, ratio: number, multiple: number): void {
  const smallest = layers.reduce((sum, layer) => {
    const { name, outputs, inputs } = layer;
    const rank = possibleRanks(layer, current[name], multiple)[0] ?? current[name];
    return sum + (rank === undefined ? outputs * inputs : rank * (outputs + inputs));
  }, 0);
  const budget = ratio * layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  if (smallest > budget) throw tooSmall(smallest, budget);
}

/** Fraction of the layers' full size that a model has: 1 unless it was factored before. */
export function keptBy({ ranks }: DecoderConfig, layers: readonly LinearLayer[]): number {
  const full = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const kept = layers.reduce((sum, layer) => {
    const rank = Math.min(ranks[layer.name] ?? Infinity, breakEven(layer));
    return sum + rank * (layer.outputs + layer.inputs);
  }, 0);
  return kept / full;
}

/** The schedule's values as ratios: the fraction of linear parameters that each member keeps. */
export function scheduleRatios(
  config: Pick<PlrdConfig, 'schedule' | 'allocation'>,
  parent: DecoderConfig,
  layers: readonly LinearLayer[],
): number[] {
  const { by, values } = config.schedule;
  // 'sensitivity' is the default, and gives way (`withSettledRanks`).
  if (by === 'rank' && config.allocation === 'energy')
    throw new UserError(
      'plrd.schedule',
      l10n.t("schedule.by 'rank' gives every layer the same rank, allocation 'energy' ranks of their own."),
      l10n.t("Use schedule.by 'ratio' with allocation 'energy', or leave the allocation out."),
    );
  const broken = by === 'rank' ? values.find((value) => !Number.isInteger(value)) : undefined;
  if (broken !== undefined)
    throw new UserError(
      'plrd.schedule',
      l10n.t`schedule.values: ${broken} is not a rank.`,
      l10n.t('Ranks are whole numbers.'),
    );
  const ratios = values.map((value) => {
    if (by === 'parameters') return ratioFor(value, parent, layers);
    if (by === 'ratio') return value;
    const kept = layers.reduce(
      (sum, layer) => sum + Math.min(value, breakEven(layer)) * (layer.outputs + layer.inputs),
      0,
    );
    return kept / layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  });
  const bad = ratios.findIndex((ratio, i) => ratio >= (ratios[i - 1] ?? keptBy(parent, layers)));
  if (bad >= 0)
    throw new UserError(
      'plrd.schedule',
      bad === 0
        ? l10n.t`schedule.values: member 1 (${values[0]!}) is not smaller than the parent.`
        : l10n.t`schedule.values: member ${bad + 1} (${values[bad]!}) is not smaller than the member before.`,
      l10n.t('Order the values from large to small, the first below the size of the parent.'),
    );
  return ratios;
}
