import * as l10n from '@vscode/l10n';
import type { Variant } from '../../comparison/variant';
import type { ScoreKind } from '../../protocol/importance';
import type { VariantRecord } from './artifacts';
import type { Remedy } from './learners/remedy';
import type { Choice, MostImportantOptions } from './sampling/most-important';
import type { Sampler } from './sampling/sampler';

/** One of the ways to select samples. */
export interface SelectionVariant extends Variant, Readonly<VariantRecord> {
  /** @param onSelected called for each selection by importance */
  sampler(seed: number, onSelected?: MostImportantOptions['onSelected']): Sampler;
  /** The score that it selects by, if it uses one. */
  readonly score?: ScoreKind;
  /** The loss that it trains with, if not the plain one. */
  readonly remedy?: Remedy;
  /** Fraction of the sampler's expected samples that a plan counts on; 1 if undefined. */
  readonly likelyShare?: number;
}

/** Options for selecting samples, by a score or at random. */
export type ChoiceOf = (
  score: ScoreKind | 'chance',
  keep: number,
  options?: { readonly epochs?: number; readonly choice?: Choice },
) => Omit<MostImportantOptions, 'seed'>;

export const percent = (share: number) => `${Number((100 * share).toPrecision(3))}pct`;
export const epochsOf = (count: number) => (count === 1 ? l10n.t('1 epoch') : l10n.t`${count} epochs`);
export const percentOf = (share: number) => `${Number((100 * share).toPrecision(3))} %`;
