import type {
  CheckpointDiff,
  CheckpointOverview,
  InspectionProgress,
  KeptShares,
  Spectrum,
  TensorStatistics,
  TensorWindow,
  ValueGrid,
} from './inspection';
import type { CheckpointStatistics, StatisticsProgress } from './checkpoint-statistics';
import type { CommonRequests } from './targets';

/** The contract of the checkpoint editor. */
export type CheckpointContract = {
  readonly requests: CommonRequests & {
    /** Reads headers only, so it is fast for any size. */
    load: { readonly params: undefined; readonly result: CheckpointOverview };
    statistics: {
      readonly params: { readonly tensor: string };
      readonly result: TensorStatistics;
      readonly progress: InspectionProgress;
    };
    /** The statistics of all tensors; with `onlyKept` only those that are cached, without computing anything. */
    checkpointStatistics: {
      readonly params: { readonly onlyKept: boolean };
      readonly result: CheckpointStatistics;
      readonly progress: StatisticsProgress;
    };
    /** Of a tensor, or of the product of a factored layer. */
    spectrum: {
      readonly params: { readonly name: string };
      readonly result: Spectrum;
      readonly progress: InspectionProgress;
    };
    /** Of a nested model: what its trained sizes keep of its layers. */
    keptShares: { readonly params: undefined; readonly result: KeptShares; readonly progress: InspectionProgress };
    values: {
      readonly params: { readonly tensor: string; readonly window: TensorWindow };
      readonly result: ValueGrid;
    };
  };
  readonly events: {
    /** The files have changed since they were read. */
    changed: null;
  };
};

/** The contract of the panel that compares two checkpoints. */
export type DiffContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: CheckpointDiff; readonly progress: InspectionProgress };
    /** Swaps the two sides. */
    swap: { readonly params: undefined; readonly result: undefined };
  };
  readonly events: Record<string, never>;
};
