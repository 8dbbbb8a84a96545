import type { HeadFacts } from './heads';
import type { Metric, Series } from './results';
import type { CommonRequests } from './targets';

/** A quantity that a trade-off can be drawn over. */
export type TradeoffAxis = Pick<Metric, 'key' | 'label' | 'unit' | 'better' | 'role'>;

/** One model of a trade-off. */
export interface TradeoffPoint {
  readonly name: string;
  /** The line that it belongs to, for people. */
  readonly series: string;
  readonly role: Series['role'];
  /** By the key of the axis; a quantity that was not measured is absent. */
  readonly values: Readonly<Record<string, number>>;
  /** Standard deviation over seeds by the key of the axis, where there were several. */
  readonly spread?: Readonly<Record<string, number>>;
  /** The checkpoint's folder, absolute, where the model was kept. */
  readonly checkpoint?: string;
  /** Rank of each factored layer by the layer's name. */
  readonly ranks?: Readonly<Record<string, number>>;
  /** How its attention heads share queries, keys and values. */
  readonly heads?: HeadFacts;
}

/** Models, and the quantities that they can be drawn over. */
export interface TradeoffView {
  readonly axes: readonly TradeoffAxis[];
  /** In the order in which they were made. */
  readonly points: readonly TradeoffPoint[];
}

/** The trade-off of one run. */
export interface TradeoffRun extends TradeoffView {
  readonly runDir: string;
  readonly name: string;
  readonly method: string;
  /** Whether more points may come. */
  readonly live: boolean;
  /** Why there are no points, in a sentence; for a run that cannot be read, or has none yet. */
  readonly problem?: string;
}

export type TradeoffContract = {
  readonly requests: CommonRequests & {
    /** The trade-offs of the runs that the panel shows. */
    load: { readonly params: undefined; readonly result: readonly TradeoffRun[] };
    /** Asks the person which runs to show; the result is the new list, or undefined when it was called off. */
    chooseRuns: { readonly params: undefined; readonly result: readonly TradeoffRun[] | undefined };
  };
  readonly events: {
    /** The runs as they are now: points came, a run was renamed or deleted. */
    changed: readonly TradeoffRun[];
  };
};
