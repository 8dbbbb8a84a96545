import type {
  CheckpointDiff,
  CheckpointOverview,
  InspectionProgress,
  Spectrum,
  TensorStatistics,
  TensorWindow,
  ValueGrid,
} from './inspection';
import type { CheckpointSurvey, SurveyProgress } from './survey';
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
    /** The statistics of all tensors; `onlyKept` asks for what an earlier survey left, and computes nothing. */
    survey: {
      readonly params: { readonly onlyKept: boolean };
      readonly result: CheckpointSurvey;
      readonly progress: SurveyProgress;
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
