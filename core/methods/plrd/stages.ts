import type { PlrdConfig } from './config';

/** One model that a run makes: a member from the member before, or a control from the parent. */
export interface Stage {
  readonly name: string;
  readonly kind: 'member' | 'truncation' | 'one-shot';
  /** Share of the decomposable parameters that remain. */
  readonly ratio: number;
  /** The stage whose model this one starts from; undefined for the parent. */
  readonly from: string | undefined;
  /** Budgets of `tokensPerStep` that it trains on. */
  readonly budgets: number;
  /** Budgets of the data stream that were read before: the family reads fresh text at every step. */
  readonly offset: number;
}

const percent = (ratio: number): string => `${Math.round(ratio * 100)}pct`;

/** The stages of a run in order: the family first, then what it has to prove itself against. */
export function stagesOf(config: PlrdConfig, ratios: readonly number[]): Stage[] {
  const members = ratios.map((ratio, i): Stage => {
    const name = (index: number) => `member-${index + 1}-${percent(ratios[index]!)}`;
    return { name: name(i), kind: 'member', ratio, from: i === 0 ? undefined : name(i - 1), budgets: 1, offset: i };
  });
  const { truncation, oneShot } = config.controls;
  const truncations = ratios.map((ratio): Stage => {
    return { name: `truncation-${percent(ratio)}`, kind: 'truncation', ratio, from: undefined, budgets: 0, offset: 0 };
  });
  const oneShots = ratios.map((ratio, i): Stage => {
    return { name: `one-shot-${percent(ratio)}`, kind: 'one-shot', ratio, from: undefined, budgets: i + 1, offset: 0 };
  });
  return [
    ...members,
    ...(truncation ? truncations : []),
    ...(oneShot === 'all' ? oneShots : oneShot === 'last' ? oneShots.slice(-1) : []),
  ];
}
