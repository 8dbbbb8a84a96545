import type { PlrdConfig } from './config';

/** One model that a run makes: a member from the member before, or a control from the parent. */
export interface Stage {
  readonly name: string;
  readonly kind: 'member' | 'truncation' | 'one-shot';
  /** Share of the decomposable parameters that remain. */
  readonly ratio: number;
  /** The rank of every layer, where the schedule gives ranks. */
  readonly rank: number | undefined;
  /** The stage whose model this one starts from; undefined for the parent. */
  readonly from: string | undefined;
  /** Budgets of `tokensPerStep` that it trains on. */
  readonly budgets: number;
  /** Budgets of the data stream that were read before: the family reads fresh text at every step. */
  readonly offset: number;
}

/** Ratios as names: whole percents where they tell the members apart, else as many digits as it takes. */
function labelsOf(ratios: readonly number[]): string[] {
  for (let digits = 0; ; digits++) {
    const labels = ratios.map((ratio) => `${(100 * ratio).toFixed(digits)}pct`);
    if (new Set(labels).size === labels.length || digits === MAX_DIGITS) return labels;
  }
}

const MAX_DIGITS = 6;

/** The stages of a run in order: the family first, then what it has to prove itself against. */
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
  // The first member is a one-shot itself.
  const different = oneShots.slice(1);
  return [
    ...members,
    ...(controls.truncation ? truncations : []),
    ...(controls.oneShot === 'all' ? different : controls.oneShot === 'last' ? different.slice(-1) : []),
  ];
}
