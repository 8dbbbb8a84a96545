import type {
  ImportanceOverview,
  PassSummary,
  SampleList,
  SampleQuery,
  SampleState,
  ScoreScale,
} from '../../core/protocol/importance';

/** Bars of the histogram. */
export const BARS = 40;

/** Bars that are chosen, both ends included. */
export interface BarRange {
  readonly first: number;
  readonly last: number;
}

/** What a person chose. */
export interface State {
  /** Number of the choice; any after the last is the last, whichever that is. */
  readonly pass: number;
  /** Name of a class, or nothing for all. */
  readonly label: string;
  readonly state: SampleState | '';
  readonly bars: BarRange | null;
  readonly list: SampleList;
  readonly wrong: boolean;
  readonly flagged: boolean;
  readonly search: string;
  readonly asTable: boolean;
  /** As the scores want it where nothing is chosen. */
  readonly scale: ScoreScale | '';
}

/** The number of a choice that goes on being the last one. */
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

/** What a panel of an earlier version kept may name a list that is called otherwise by now. */
export const withKnownList = (state: State): State =>
  state.list in LIST_NAMES ? state : { ...state, list: INITIAL.list };

/** Index of the class that is filtered for. */
export function labelIndex({ classes }: ImportanceOverview, { label }: Pick<State, 'label'>): number | undefined {
  const index = classes.indexOf(label);
  return index < 0 ? undefined : index;
}

/** What to ask the host for. @param range scores of the bars that are chosen */
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
