import { formatNumber, formatShare } from '../../core/protocol/format';
import { labelName, type ImportanceOverview, type Opinion, type SampleRow } from '../../core/protocol/importance';
import { STATE_NAMES } from './state';

/** The label, followed by an arrow and the prediction if it differs. */
export function verdict({ classes }: ImportanceOverview, { label, predicted }: Opinion): string {
  const own = labelName(classes, label);
  return predicted === label ? own : `${own} → ${labelName(classes, predicted)}`;
}

/** Whether the prediction is incorrect; never for regression, where it is nearly always a little off. */
export const isWrong = ({ classes }: ImportanceOverview, { label, predicted }: Opinion): boolean =>
  classes.length > 0 && predicted !== label;

/** A sample as a sentence, for screen readers. */
export function describe(overview: ImportanceOverview, sample: SampleRow): string {
  const { name = `sample ${sample.index}`, score, opinion, state, flagged, text = '' } = sample;
  const facts = [
    ...(opinion ? [verdict(overview, opinion)] : []),
    `score ${formatNumber(score, 3)}`,
    ...(opinion ? [`label ${formatShare(opinion.confidence)} likely`] : []),
    STATE_NAMES[state].toLowerCase(),
    ...(flagged ? ['flagged'] : []),
  ];
  return `${name}: ${facts.join(', ')}. ${text}`;
}

interface SampleProps {
  readonly overview: ImportanceOverview;
  /** Undefined while it is loading. */
  readonly sample: SampleRow | undefined;
  readonly flagged: boolean;
  readonly selected: boolean;
  readonly onSelect: (extend: boolean) => void;
  readonly onFlag: () => void;
}

/** A sample in a list: its text or picture, with label and prediction, or its origin. */
export function Sample({ overview, sample, flagged, selected, onSelect, onFlag }: SampleProps) {
  if (!sample) return <div role="option" class="sample loading" aria-selected={selected} aria-label="Reading…" />;
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
        title={flagged ? 'Take the flag away (Space)' : 'Flag (Space)'}
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
          {text ?? name ?? `Sample ${index}`}
          {pair !== undefined && <span class="pair">{pair}</span>}
        </span>
      )}
      <span class="facts">
        {opinion ? (
          <span class={isWrong(overview, opinion) ? 'wrong' : ''}>{verdict(overview, opinion)}</span>
        ) : (
          <span>{name}</span>
        )}
        <span class="muted">{`score ${formatNumber(score, 3)}, ${STATE_NAMES[state].toLowerCase()}`}</span>
        {opinion && overview.classes.length > 0 && (
          <span class="muted">{`label ${formatShare(opinion.confidence)} likely`}</span>
        )}
      </span>
    </div>
  );
}
