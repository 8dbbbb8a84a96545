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

/** No filter. */
export const ALL = { label: '', state: '', bars: null, wrong: false, flagged: false, search: '' } as const;

/** All flagged samples. */
export const flaggedAt = ({ epoch }: PassSummary): SampleQuery => ({ epoch, list: 'important', flagged: true });

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

/** State saved by an earlier version may contain a list that has been renamed. */
export const withKnownList = (state: State): State =>
  sampleLists.includes(state.list) ? state : { ...state, list: INITIAL.list };

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

export const count = (value: number): string => value.toLocaleString('en-US');
