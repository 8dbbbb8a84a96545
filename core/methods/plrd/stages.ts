import type { PlrdConfig } from './config';

/** One model that a run makes: a member from the member before, or a control from the parent. */
export interface Stage {
  readonly name: string;
  readonly kind: 'member' | 'truncation' | 'one-shot';
  /** Fraction of the decomposable parameters that remain. */
  readonly ratio: number;
  /** The rank of every layer, if the schedule gives ranks. */
  readonly rank: number | undefined;
  /** The stage whose model this one starts from; undefined for the parent. */
  readonly from: string | undefined;
  /** Number of `tokensPerStep` budgets that it trains on. */
  readonly budgets: number;
  /** Number of budgets already read from the data stream: each member reads new text. */
  readonly offset: number;
}

/** Labels for ratios: whole percentages if these are unique, otherwise with as many decimals as needed. */
function labelsOf(ratios: readonly number[]): string[] {
  for (let digits = 0; ; digits++) {
    const labels = ratios.map((ratio) => `${(100 * ratio).toFixed(digits)}pct`);
    if (new Set(labels).size === labels.length || digits === MAX_DIGITS) return labels;
  }
}

const MAX_DIGITS = 6;

/** The stages of a run in order: the family, then its controls. */
export function stagesOf(
  { schedule, controls }: Pick<PlrdConfig, 'schedule' | 'controls'>,
  ratios: readonly number[],
): Stage[] {
  const labels = labelsOf(ratios);
  const sizes = ratios.map((ratio, i) => ({ ratio, rank: schedule.by === 'rank' ? schedule.values[i] : undefined }));
  const member = (i: number) => `member-${i + 1}-${labels[i]!}`;
  const members = sizes.map((size, i): Stage => {
    return {
      ...size,
      name: member(i),
      kind: 'member',
      from: i === 0 ? undefined : member(i - 1),
      budgets: 1,
      offset: i,
    };
  });
  const truncations = sizes.map((size, i): Stage => {
    return { ...size, name: `truncation-${labels[i]!}`, kind: 'truncation', from: undefined, budgets: 0, offset: 0 };
  });
  const oneShots = sizes.map((size, i): Stage => {
    return { ...size, name: `one-shot-${labels[i]!}`, kind: 'one-shot', from: undefined, budgets: i + 1, offset: 0 };
  });
  // The first member is itself a one-shot.
  const different = oneShots.slice(1);
  return [
    ...members,
    ...(controls.truncation ? truncations : []),
    ...(controls.oneShot === 'all' ? different : controls.oneShot === 'last' ? different.slice(-1) : []),
  ];
}
