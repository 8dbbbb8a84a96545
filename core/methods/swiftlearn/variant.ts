import * as l10n from '@vscode/l10n';
import type { Variant } from '../../comparison/variant';
import type { ScoreKind } from '../../protocol/importance';
import type { VariantRecord } from './artifacts';
import type { Choice, MostImportantOptions } from './sampling/most-important';
import type { Sampler } from './sampling/sampler';

/** One of the ways to choose samples. */
export interface SelectionVariant extends Variant, Readonly<VariantRecord> {
  /** @param onSelected looks at each choice, where there is one by importance */
  sampler(seed: number, onSelected?: MostImportantOptions['onSelected']): Sampler;
  /** What it chooses by, where it is by importance. */
  readonly score?: ScoreKind;
  /** Of the samples that its sampler expects at most, the share that a plan counts on; all of them without it. */
  readonly likelyShare?: number;
}

/** How samples are selected, by a score or at random, for a number of epochs. */
export type ChoiceOf = (
  score: ScoreKind | 'chance',
  keep: number,
  options?: { readonly epochs?: number; readonly choice?: Choice },
) => Omit<MostImportantOptions, 'seed'>;

export const percent = (share: number) => `${Number((100 * share).toPrecision(3))}pct`;
export const epochsOf = (count: number) => (count === 1 ? l10n.t('1 epoch') : l10n.t`${count} epochs`);
export const percentOf = (share: number) => `${Number((100 * share).toPrecision(3))} %`;
