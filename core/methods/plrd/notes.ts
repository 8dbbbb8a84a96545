import * as l10n from '@vscode/l10n';
import { pairedBySeed } from '../../comparison/paired';
import { formatAs } from '../../comparison/results-table';
import { spreadOf, type Spread } from '../../protocol/statistics';
import type { FamilyFacts, MadeModel } from './artifacts';

type Kind = MadeModel['kind'];
type Model = MadeModel & { readonly seed?: number };

/** A member of a family and a control of the same size, over the seeds that both have. */
interface Pair {
  readonly ratio: number;
  readonly own: Spread;
  readonly other: Spread;
  /** How much the member's perplexity is above the control's, as a share of that; negative where the member is better. */
  readonly above: Spread;
}

/**
 * What the controls say about each family, including where they win. Two questions differ: a family serves every size, so its
 * whole cost is compared with separate models that cost as much together; a single model of one size may spend all of it on
 * that size.
 */
export function familyNotes(models: readonly Model[], match: FamilyFacts['match']): string[] {
  const families = (['nested', 'member'] as const).filter((kind) => models.some((model) => model.kind === kind));
  return families.flatMap((family) => {
    const rivals: Kind[] = ['separate', 'one-shot', 'truncation', ...families.filter((kind) => kind !== family)];
    return rivals.flatMap((rival) => noteOn(nameOf(family), questionOf(rival, match), pairsOf(models, family, rival)));
  });
}

function pairsOf(models: readonly Model[], family: Kind, rival: Kind): Pair[] {
  const members = new Set(models.filter(({ kind }) => kind === family).map(({ name }) => name));
  return [...members].flatMap((name): Pair[] => {
    const { targetRatio } = models.find((model) => model.name === name)!;
    const control = models.find((model) => model.kind === rival && model.targetRatio === targetRatio);
    if (!control) return [];
    const keyed = models.map((model) => ({ ...model, variant: model.name, seed: model.seed ?? 0 }));
    const paired = pairedBySeed(keyed, name, control.name);
    // A truncation without training is the same for every seed.
    const pairs =
      paired.length > 0 ? paired : keyed.flatMap((own) => (own.name === name ? [{ own, base: control }] : []));
    return [
      {
        ratio: targetRatio,
        own: spreadOf(pairs.map(({ own }) => own.perplexity))!,
        other: spreadOf(pairs.map(({ base }) => base.perplexity))!,
        above: spreadOf(pairs.map(({ own, base }) => own.perplexity / base.perplexity - 1))!,
      },
    ];
  });
}

function noteOn(name: string, question: string, pairs: readonly Pair[]): string[] {
  if (pairs.length === 0) return [];
  const won = pairs.filter(({ above }) => above.mean < 0).length;
  const count = pairs.length;
  const verdict =
    won === count
      ? l10n.t`${name} has the lower perplexity at ${wordOf(count)}.`
      : won === 0
        ? l10n.t`${name} has the higher perplexity at ${wordOf(count)}.`
        : l10n.t`${name} has the lower perplexity at ${won} of ${count} sizes.`;
  const lines = pairs.map(({ ratio, own, other, above: { mean, deviation } }) => {
    const share = formatAs(100 * ratio, { as: 'fixed', digits: 1, suffix: '%' });
    const spread = deviation === undefined ? '' : ` ± ${(100 * deviation).toFixed(1)}`;
    const by = `${(100 * Math.abs(mean)).toFixed(1)}${spread}`;
    const difference = mean < 0 ? l10n.t`${by}% lower` : l10n.t`${by}% higher`;
    return `  ${share.padStart(6)}  ${l10n.t`${shown(own).padStart(8)} against ${shown(other)}`.padEnd(26)}  ${difference}`;
  });
  return [[`${question} ${verdict}`, ...lines].join('\n')];
}

const shown = ({ mean }: Spread) => formatAs(mean, { as: 'perplexity' });
const wordOf = (count: number) => (count === 1 ? l10n.t('this size') : l10n.t`all ${count} sizes`);

const nameOf = (family: Kind) => (family === 'nested' ? l10n.t('The nested family') : l10n.t('The progressive family'));

function questionOf(rival: Kind, match: FamilyFacts['match']): string {
  const isCost = match === 'cost';
  switch (rival) {
    case 'separate':
      return isCost
        ? l10n.t('Every size, at the same cost in all: against separate models that share what the family costs.')
        : l10n.t('Every size, on as many tokens in all: against separate models that share the tokens of the family.');
    case 'one-shot':
      if (match === 'seen') return l10n.t('One size: against truncating once and training on as many tokens.');
      return isCost
        ? l10n.t('One size, at the same cost: against one model that is trained with all that the family costs.')
        : l10n.t('One size, on as many tokens: against one model that is trained on all tokens of the family.');
    case 'truncation':
      return l10n.t('Against plain truncation of the parent, without training.');
    case 'nested':
      return l10n.t('Against the nested family.');
    default:
      return l10n.t('Against the progressive family.');
  }
}
