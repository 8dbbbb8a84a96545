import type { HeadFacts } from './heads';
import type { NestedFacts } from './nested';
import type { Metric, Series } from './results';
import type { CommonRequests } from './targets';

/** A quantity that can be an axis of a trade-off. */
export type TradeoffAxis = Pick<Metric, 'key' | 'label' | 'unit' | 'better' | 'role'>;

/** One model of a trade-off. */
export interface TradeoffPoint {
  readonly name: string;
  /** Displayed name of the line that it belongs to. */
  readonly series: string;
  readonly role: Series['role'];
  /** By axis key; unmeasured quantities are absent. */
  readonly values: Readonly<Record<string, number>>;
  /** Standard deviation over the seeds, by axis key, if there are several. */
  readonly spread?: Readonly<Record<string, number>>;
  /** Absolute path of the checkpoint's folder, if the model was saved. */
  readonly checkpoint?: string;
  /** Rank of each factored layer, by the layer's name. */
  readonly ranks?: Readonly<Record<string, number>>;
  /** How its attention heads share queries, keys and values. */
  readonly heads?: HeadFacts;
  /** The sizes of a nested model. */
  readonly sizes?: NestedFacts;
  /** Evaluated at the request of the user, at a size that it was not trained at. */
  readonly between?: true;
}

/** A size of the nested model in a folder: the one with so many parameters. */
export interface AskedSize {
  /** Absolute path of the checkpoint's folder. */
  readonly checkpoint: string;
  readonly parameters: number;
}

/** A size of a nested model, evaluated as the run evaluated its own models. */
export interface EvaluatedSize extends AskedSize {
  readonly ranks: Readonly<Record<string, number>>;
  /** By axis key. */
  readonly values: Readonly<Record<string, number>>;
}

/** Models, and the axes that they can be drawn on. */
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
  /** Sizes of its nested models that were evaluated since the panel was opened. */
  readonly evaluated?: readonly EvaluatedSize[];
  /** A sentence on why there are no points: the run cannot be read, or has none yet. */
  readonly problem?: string;
}

export type TradeoffContract = {
  readonly requests: CommonRequests & {
    /** The trade-offs of the runs that the panel shows. */
    load: { readonly params: undefined; readonly result: readonly TradeoffRun[] };
    /** Asks the user which runs to show; returns the new list, or undefined if canceled. */
    chooseRuns: { readonly params: undefined; readonly result: readonly TradeoffRun[] | undefined };
    /** Evaluates a size of a nested model in another process, which ends when the request is aborted. */
    evaluateSize: { readonly params: AskedSize; readonly result: EvaluatedSize };
    /**
     * Asks for a folder and writes a size as a checkpoint, with what it was evaluated to. Returns the folder, or undefined if
     * canceled.
     */
    saveSize: {
      readonly params: AskedSize & { readonly name: string; readonly evaluate: boolean };
      readonly result: string | undefined;
    };
  };
  readonly events: {
    /** The updated runs: there are new points, or a run was renamed or deleted. */
    changed: readonly TradeoffRun[];
  };
};
