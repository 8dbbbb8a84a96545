import type { RunStateName } from './runs';
import type { CommonRequests } from './targets';

/** A run whose curves are drawn. Times are milliseconds since 1970. */
export interface CurveRun {
  readonly runDir: string;
  readonly name: string;
  readonly state: RunStateName | 'gone';
  /** Why it ended, in a sentence; empty where there is nothing to say. */
  readonly reason: string;
  /** What its steps count beside themselves: `tokens`, `images`, … Absent where that is not known. */
  readonly units?: string;
  /** In the order in which they began. */
  readonly phases: readonly CurvePhase[];
}

export interface CurvePhase {
  readonly name: string;
  readonly title: string;
  readonly time: number;
}

/**
 * Points of one metric in one phase of one run, in the order of their steps; the four arrays are equally long. They
 * take the place of what was known from index `from` on, so that a resumed run corrects what it repeats.
 */
export interface CurvePart {
  readonly runDir: string;
  readonly metric: string;
  readonly phase: string;
  readonly from: number;
  readonly steps: Float64Array;
  readonly times: Float64Array;
  /** `CurveRun.units` seen; NaN where the run does not say. */
  readonly tokens: Float64Array;
  /** As measured: NaN and infinities too. */
  readonly values: Float64Array;
}

export interface CurveUpdate {
  readonly runs: readonly CurveRun[];
  readonly parts: readonly CurvePart[];
  /** When the files were read. */
  readonly readAt: number;
}

export type CurvesContract = {
  readonly requests: CommonRequests & {
    /** Everything that there is; updates follow as events. */
    load: { readonly params: undefined; readonly result: CurveUpdate };
    /** Asks the person which runs to show; undefined when it was called off. */
    chooseRuns: { readonly params: undefined; readonly result: CurveUpdate | undefined };
  };
  readonly events: {
    /** What came since the last one. */
    update: CurveUpdate;
  };
};
