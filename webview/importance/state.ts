import type {
  ImportanceOverview,
  PassSummary,
  SampleList,
  SampleQuery,
  SampleState,
  ScoreScale,
} from '../../core/protocol/importance';

/** Number of bars in the histogram. */
export const BARS = 40;

/** A range of selected bars, inclusive. */
export interface BarRange {
  readonly first: number;
  readonly last: number;
}

/** The user's choices. */
export interface State {
  /** Index of the selection; a number beyond the last one always means the last one. */
  readonly pass: number;
  /** Name of a class; empty for all. */
  readonly label: string;
  readonly state: SampleState | '';
  readonly bars: BarRange | null;
  readonly list: SampleList;
  readonly wrong: boolean;
  readonly flagged: boolean;
  readonly search: string;
  readonly asTable: boolean;
  /** Empty: the scale that suits the scores. */
  readonly scale: ScoreScale | '';
}

/** The index that always means the last selection. */
export const LAST = Number.MAX_SAFE_INTEGER;

export const INITIAL: State = {
  pass: LAST,
  label: '',
  state: '',
  bars: null,
  list: 'important',
  wrong: false,
  flagged: false,
  search: '',
  asTable: false,
  scale: '',
};

export const STATE_NAMES: Readonly<Record<SampleState, string>> = {
  kept: 'Kept',
  returned: 'Returned',
  dropped: 'Dropped',
};

export const LIST_NAMES: Readonly<Record<SampleList, string>> = {
  important: 'Most important first',
  least: 'Least important first',
  forgotten: 'Most often forgotten first',
  mislabeled: 'Most likely mislabeled first',
};

/** State saved by an earlier version may contain a list that has been renamed. */
export const withKnownList = (state: State): State =>
  state.list in LIST_NAMES ? state : { ...state, list: INITIAL.list };

/** Index of the class selected in the filter. */
export function labelIndex({ classes }: ImportanceOverview, { label }: Pick<State, 'label'>): number | undefined {
  const index = classes.indexOf(label);
  return index < 0 ? undefined : index;
}

/** The query for the host. @param range scores of the selected bars */
export function queryOf(
  overview: ImportanceOverview,
  state: State,
  pass: PassSummary,
  range: SampleQuery['range'],
): SampleQuery {
  return {
    epoch: pass.epoch,
    list: state.list,
    range,
    label: labelIndex(overview, state),
    state: state.state === '' ? undefined : state.state,
    wrong: state.wrong,
    flagged: state.flagged,
    search: state.search,
  };
}

export const formatEpochs = (epoch: number): string => {
  const rounded = Number(epoch.toFixed(1));
  return `${rounded} ${rounded === 1 ? 'epoch' : 'epochs'}`;
};

export const count = (value: number): string => value.toLocaleString('en-US');
