import * as l10n from '@vscode/l10n';
import { formatNumber, formatShare } from '../../core/protocol/format';
import { labelName, type ImportanceOverview, type Opinion, type SampleRow } from '../../core/protocol/importance';
import { stateName } from './state';

/** The label, and after an arrow what the model says instead. */
export function verdict({ classes }: ImportanceOverview, { label, predicted }: Opinion): string {
  const own = labelName(classes, label);
  return predicted === label ? own : `${own} → ${labelName(classes, predicted)}`;
}

/** Whether the model says something else; for numbers it nearly always does, by a little. */
export const isWrong = ({ classes }: ImportanceOverview, { label, predicted }: Opinion): boolean =>
  classes.length > 0 && predicted !== label;

/** One sample as a sentence, for who does not see it. */
export function describe(overview: ImportanceOverview, sample: SampleRow): string {
  const { name = l10n.t`sample ${sample.index}`, score, opinion, state, flagged, text = '' } = sample;
  const facts = [
    ...(opinion ? [verdict(overview, opinion)] : []),
    l10n.t`score ${formatNumber(score, 3)}`,
    ...(opinion ? [l10n.t`label ${formatShare(opinion.confidence)} likely`] : []),
    stateName(state),
    ...(flagged ? [l10n.t('flagged')] : []),
  ];
  return `${name}: ${facts.join(', ')}. ${text}`;
}

interface SampleProps {
  readonly overview: ImportanceOverview;
  /** Undefined while it is on its way. */
  readonly sample: SampleRow | undefined;
  readonly flagged: boolean;
  readonly selected: boolean;
  readonly onSelect: (extend: boolean) => void;
  readonly onFlag: () => void;
}

/** A sample in a list: the text, or the picture, with label and prediction, or where it comes from. */
export function Sample({ overview, sample, flagged, selected, onSelect, onFlag }: SampleProps) {
  if (!sample)
    return <div role="option" class="sample loading" aria-selected={selected} aria-label={l10n.t('Reading…')} />;
  const { name, text, pair, picture, score, opinion, state, index } = sample;
  return (
    <div
      role="option"
      class={`sample ${state}`}
      aria-selected={selected}
      aria-label={describe(overview, { ...sample, flagged })}
      title={name}
      onClick={(event) => {
        onSelect(event.shiftKey);
      }}
    >
      <span
        class={`flag${flagged ? ' flagged' : ''}`}
        title={flagged ? l10n.t('Take the flag away (Space)') : l10n.t('Flag (Space)')}
        onClick={(event) => {
          event.stopPropagation();
          onFlag();
        }}
      >
        {flagged ? '⚑' : '⚐'}
      </span>
      {picture !== undefined && <img src={picture} alt="" />}
      {overview.data !== 'images' && (
        <span class="text">
          {text ?? name ?? l10n.t`Sample ${index}`}
          {pair !== undefined && <span class="pair">{pair}</span>}
        </span>
      )}
      <span class="facts">
        {opinion ? (
          <span class={isWrong(overview, opinion) ? 'wrong' : ''}>{verdict(overview, opinion)}</span>
        ) : (
          <span>{name}</span>
        )}
        <span class="muted">{`${l10n.t`score ${formatNumber(score, 3)}`}, ${stateName(state)}`}</span>
        {opinion && overview.classes.length > 0 && (
          <span class="muted">{l10n.t`label ${formatShare(opinion.confidence)} likely`}</span>
        )}
      </span>
    </div>
  );
}
