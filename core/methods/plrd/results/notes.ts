import * as l10n from '@vscode/l10n';
import { pairedBySeed } from '../../../comparison/paired';
import { formatAs } from '../../../comparison/results-table';
import { spreadOf, type Spread } from '../../../protocol/statistics';
import type { FamilyFacts, MadeModel } from '../artifacts';

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
 * What the controls say about each family, and who wins. Two questions differ: a family serves every size, so its cost is
 * compared with that of separate models together; but who needs one size only can spend all of it on that.
 */
export function familyNotes(models: readonly Model[], match: FamilyFacts['match']): string[] {
  const families = (['nested', 'member'] as const).filter((kind) => models.some((model) => model.kind === kind));
  return families.flatMap((family) => {
    // Two families are compared once.
    const rivals: Kind[] = ['separate', 'one-shot', 'truncation', ...families.slice(families.indexOf(family) + 1)];
    return rivals.flatMap((rival) => noteOn(questionOf(family, rival, match), pairsOf(models, family, rival)));
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
    // A truncation that looks at no text is the same for every seed.
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

interface Question {
  readonly text: string;
  /** Who wins, as the beginning of a sentence. */
  readonly family: string;
  readonly rival: string;
}

function noteOn({ text, family, rival }: Question, pairs: readonly Pair[]): string[] {
  if (pairs.length === 0) return [];
  const count = pairs.length;
  const won = pairs.filter(({ above }) => above.mean < 0).length;
  const winner = won === count ? family : rival;
  const verdict =
    won > 0 && won < count
      ? l10n.t`${family} wins at ${won} of ${count} sizes.`
      : count === 1
        ? l10n.t`${winner} wins.`
        : l10n.t`${winner} wins at all ${count} sizes.`;
  const lines = pairs.map(({ ratio, own, other, above: { mean, deviation } }) => {
    const share = formatAs(100 * ratio, { as: 'fixed', digits: 1, suffix: '%' });
    const spread = deviation === undefined ? '' : ` ± ${(100 * deviation).toFixed(1)}`;
    const by = `${(100 * Math.abs(mean)).toFixed(1)}${spread}`;
    const difference = mean < 0 ? l10n.t`${by}% lower` : l10n.t`${by}% higher`;
    return `  ${share.padStart(6)}  ${l10n.t`${shown(own).padStart(8)} against ${shown(other)}`.padEnd(26)}  ${difference}`;
  });
  return [[`${text} ${verdict}`, ...lines].join('\n')];
}

const shown = ({ mean }: Spread) => formatAs(mean, { as: 'perplexity' });

const titleOf = (family: Kind) =>
  family === 'nested' ? l10n.t('The nested family') : l10n.t('The progressive family');

function questionOf(family: Kind, rival: Kind, match: FamilyFacts['match']): Question {
  const own = titleOf(family);
  const against = (text: string, name: string): Question => ({ text, family: own, rival: name });
  switch (rival) {
    case 'separate':
      return against(
        match === 'cost'
          ? l10n.t('All sizes for the same cost: the family against a separate model of each size.')
          : l10n.t('All sizes for as many tokens: the family against a separate model of each size.'),
        l10n.t('Separate training'),
      );
    case 'one-shot':
      return against(
        match === 'seen'
          ? l10n.t('One size: the member against truncating once and training on as many tokens.')
          : match === 'cost'
            ? l10n.t('One size for the same cost: the member against a single model that gets all of the training.')
            : l10n.t('One size for as many tokens: the member against a single model that gets all of the training.'),
        l10n.t('The single model'),
      );
    case 'truncation':
      return against(l10n.t('The family against truncating the parent, without training.'), l10n.t('Truncation'));
    default:
      return against(l10n.t('The family against a progressive one, trained on as many tokens.'), titleOf(rival));
  }
}
