import type { RunStateName } from './runs';
import type { SystemSample } from './system';
import type { CommonRequests } from './targets';

/** A run whose curves are shown. Times are milliseconds since 1970. */
export interface CurveRun {
  readonly runDir: string;
  readonly name: string;
  readonly state: RunStateName | 'gone';
  /** A sentence on why it ended; empty if there is nothing to say. */
  readonly reason: string;
  /** What its steps count besides themselves: `tokens`, `images`, …; absent if unknown. */
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
 * Points of one metric in one phase of a run, in the order of their steps; the four arrays have the same length. They replace
 * the known points from index `from` on, so that a resumed run corrects the steps that it repeats.
 */
export interface CurvePart {
  readonly runDir: string;
  readonly metric: string;
  readonly phase: string;
  readonly from: number;
  readonly steps: Float64Array;
  readonly times: Float64Array;
  /** Number of `CurveRun.units` seen; NaN if the run does not record it. */
  readonly tokens: Float64Array;
  /** As measured, including NaN and infinities. */
  readonly values: Float64Array;
}

/** What a run and its machine used: these replace the known samples from index `from` on. */
export interface SystemPart {
  readonly runDir: string;
  readonly from: number;
  readonly samples: readonly SystemSample[];
}

export interface CurveUpdate {
  readonly runs: readonly CurveRun[];
  readonly parts: readonly CurvePart[];
  readonly system: readonly SystemPart[];
  /** When the files were read. */
  readonly readAt: number;
}

export type CurvesContract = {
  readonly requests: CommonRequests & {
    /** All points so far; updates follow as events. */
    load: { readonly params: undefined; readonly result: CurveUpdate };
    /** Asks the user which runs to show; undefined if canceled. */
    chooseRuns: { readonly params: undefined; readonly result: CurveUpdate | undefined };
  };
  readonly events: {
    /** What is new since the last update. */
    update: CurveUpdate;
  };
};
