import * as l10n from '@vscode/l10n';
import { familyArchitecture } from '../../checkpoint/architecture';
import type { JsonObject } from '../../checkpoint/model-folder';
import { UserError } from '../../errors';
import { formatCount } from '../../protocol/format';
import { amountOf, costOf, ranksWithin, type NestedFacts, type SizeUnit } from '../../protocol/nested';
import { parseDecoderConfig, type DecoderConfig, type Ranks } from './config';
import { countParameters, flopsPerToken, linearLayers } from './layout';

/**
 * What the arithmetic of sizes needs of a nested model; undefined for any other model.
 * @param context the tokens that a token attends to, for FLOP; by default half of the model's longest sequence, on
 *   average as many as in a text of that length
 */
export function nestedFacts(decoder: DecoderConfig, context = decoder.maxPositions / 2): NestedFacts | undefined {
  if (decoder.nested.length === 0) return undefined;
  const layers = linearLayers(decoder)
    .filter(({ name }) => decoder.ranks[name] !== undefined)
    .map(({ name, outputs, inputs }) => ({ name, outputs, inputs }));
  const { total, linear } = countParameters(decoder);
  const factored = layers.reduce(
    (sum, { name, outputs, inputs }) => sum + decoder.ranks[name]! * (outputs + inputs),
    0,
  );
  return {
    layers,
    sizes: [...decoder.nested],
    fixedParameters: total - factored,
    fixedLinear: linear - factored,
    fullLinear: countParameters({ ...decoder, ranks: {} }).linear,
    fixedFlops: flopsPerToken(decoder, context) - 2 * factored,
    context,
  };
}

/**
 * The same from a `config.json`; undefined if it is not of a nested model.
 * @throws UserError `model.config` if it is of one, and is not understood
 */
export function nestedFactsOf(json: JsonObject): NestedFacts | undefined {
  const { winnow } = json;
  if (typeof winnow !== 'object' || winnow === null || !('nested' in winnow)) return undefined;
  return nestedFacts(parseDecoderConfig(familyArchitecture(json)));
}

/** The size that somebody asks for: the largest within a budget, or the rank of every layer, by its name or its kind. */
export type WantedSize =
  | { readonly unit: SizeUnit; readonly budget: number }
  | { readonly file: string; readonly table: Readonly<Record<string, number>> };

/**
 * The ranks of a size of a nested model.
 * @throws UserError `slice.too-large`, `slice.too-small`, `slice.ranks`
 */
export function ranksOfSize(decoder: DecoderConfig, facts: NestedFacts, wanted: WantedSize): Ranks {
  return 'table' in wanted ? tableRanks(decoder, wanted) : budgetRanks(facts, wanted.unit, wanted.budget);
}

function budgetRanks(facts: NestedFacts, unit: SizeUnit, budget: number): Ranks {
  const most = amountOf(unit, costOf(facts, facts.sizes[0]!));
  const least = amountOf(unit, costOf(facts, facts.sizes.at(-1)!));
  const ranks = ranksWithin(facts, unit, budget);
  // A share is typed with a few digits, so the largest one may be rounded up.
  const isAbove = unit === 'size' ? budget > roundedUp(most) : budget > most;
  if (ranks && !isAbove) return ranks;
  const given = inUnit(unit, budget, budget);
  throw isAbove
    ? new UserError(
        'slice.too-large',
        l10n.t`${given} is more than the largest size of the model has: ${inUnit(unit, most, roundedUp(most))}.`,
        rangeHint(unit, least, most),
      )
    : new UserError(
        'slice.too-small',
        l10n.t`${given} is less than the smallest size of the model has: ${inUnit(unit, least, roundedUp(least))}.`,
        rangeHint(unit, least, most),
      );
}

const DIGITS = 1e4;
/** To four digits, so that a share that is copied from a message is accepted. */
const roundedUp = (share: number) => Math.ceil(share * DIGITS - 1e-9) / DIGITS;

const rangeHint = (unit: SizeUnit, least: number, most: number) =>
  l10n.t`Ask for a size from ${inUnit(unit, least, roundedUp(least))} to ${inUnit(unit, most, roundedUp(most))}: those that were trained, and all between them.`;

/** @param share the amount as a share, for `size` */
function inUnit(unit: SizeUnit, amount: number, share: number): string {
  switch (unit) {
    case 'size':
      return l10n.t`${share} of the linear parameters`;
    case 'parameters':
      return l10n.t`${whole(amount)} parameters`;
    case 'flops':
      return l10n.t`${whole(amount)} FLOP per token`;
  }
}

const whole = (amount: number) => (Number.isSafeInteger(amount) ? amount.toLocaleString('en-US') : formatCount(amount));

/** A layer's own entry counts before that of its kind. */
function tableRanks(decoder: DecoderConfig, { file, table }: Extract<WantedSize, { file: string }>): Ranks {
  const layers = linearLayers(decoder).filter(({ name }) => decoder.ranks[name] !== undefined);
  const known = new Set(layers.flatMap(({ name, kind }) => [name, kind] as string[]));
  const bad = (message: string, hint: string) => new UserError('slice.ranks', message, hint);
  const kinds = [...new Set(layers.map(({ kind }) => kind))].join(', ');
  for (const key of Object.keys(table))
    if (!known.has(key))
      throw bad(
        l10n.t`${file}: the model has no factored layer "${key}".`,
        l10n.t`Name layers as in "winnow inspect" (${layers[0]!.name}), or all of a kind: ${kinds}.`,
      );
  const smallest = decoder.nested.at(-1)!;
  return Object.fromEntries(
    layers.map(({ name, kind }) => {
      const rank = table[name] ?? table[kind];
      const [least, most] = [smallest[name]!, decoder.ranks[name]!];
      if (rank === undefined)
        throw bad(
          l10n.t`${file} has no rank for ${name}.`,
          l10n.t`Give every factored layer a rank, by its name or by its kind ("${kind}"); this one can have ${least} to ${most}.`,
        );
      if (rank < least || rank > most)
        throw bad(
          l10n.t`${file}: ${name} cannot have the rank ${rank}.`,
          l10n.t`It has ${most} in the largest size of the model and ${least} in the smallest; choose a rank from ${least} to ${most}.`,
        );
      return [name, rank];
    }),
  );
}
