import * as l10n from '@vscode/l10n';
import {
  sampleLists,
  type ImportanceOverview,
  type PassSummary,
  type SampleList,
  type SampleQuery,
  type SampleState,
  type ScoreScale,
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

/** What a state of a sample is called on its own. */
export function stateTitle(state: SampleState): string {
  switch (state) {
    case 'kept':
      return l10n.t('Kept');
    case 'returned':
      return l10n.t('Returned');
    case 'dropped':
      return l10n.t('Dropped');
  }
}

/** The same in a sentence, or after a number. */
export function stateName(state: SampleState): string {
  switch (state) {
    case 'kept':
      return l10n.t('kept');
    case 'returned':
      return l10n.t('returned');
    case 'dropped':
      return l10n.t('dropped');
  }
}

export function listTitle(list: SampleList): string {
  switch (list) {
    case 'important':
      return l10n.t('Most important first');
    case 'least':
      return l10n.t('Least important first');
    case 'forgotten':
      return l10n.t('Most often forgotten first');
    case 'mislabeled':
      return l10n.t('Most likely mislabeled first');
  }
}

/** What a panel of an earlier version kept may name a list that is called otherwise by now. */
export const withKnownList = (state: State): State =>
  sampleLists.includes(state.list) ? state : { ...state, list: INITIAL.list };

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

export const count = (value: number): string => value.toLocaleString('en-US');
