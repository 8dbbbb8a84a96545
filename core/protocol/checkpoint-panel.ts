import type {
  CheckpointDiff,
  CheckpointOverview,
  InspectionProgress,
  Spectrum,
  TensorStatistics,
  TensorWindow,
  ValueGrid,
} from './inspection';
import type { CheckpointStatistics, StatisticsProgress } from './checkpoint-statistics';
import type { CommonRequests } from './targets';

/** The editor of one checkpoint. */
export type CheckpointContract = {
  readonly requests: CommonRequests & {
    /** Headers only: at once, whatever the size. */
    load: { readonly params: undefined; readonly result: CheckpointOverview };
    statistics: {
      readonly params: { readonly tensor: string };
      readonly result: TensorStatistics;
      readonly progress: InspectionProgress;
    };
    /** The statistics of all tensors; `onlyKept` asks for what an earlier run over the tensors left, and computes nothing. */
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
    values: {
      readonly params: { readonly tensor: string; readonly window: TensorWindow };
      readonly result: ValueGrid;
    };
  };
  readonly events: {
    /** The files are no longer those that were read. */
    changed: null;
  };
};

/** What separates two checkpoints. */
export type DiffContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: CheckpointDiff; readonly progress: InspectionProgress };
    /** The same with the sides exchanged. */
    swap: { readonly params: undefined; readonly result: undefined };
  };
  readonly events: Record<string, never>;
};
