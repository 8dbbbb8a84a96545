import { formatNumber, formatShare } from '../../core/protocol/format';
import { labelName, type ImportanceOverview, type SampleRow } from '../../core/protocol/importance';
import { isWrong } from './sample';
import { STATE_NAMES } from './state';

interface DetailProps {
  readonly overview: ImportanceOverview;
  readonly sample: SampleRow;
  readonly flagged: boolean;
}

/** All that is known of one sample. */
export function Detail({ overview, sample, flagged }: DetailProps) {
  const { index, name, text, pair, picture, label, predicted, confidence, score, state, suspicion, forgotten } = sample;
  const wrong = isWrong(overview, sample);
  return (
    <aside class="detail" aria-live="polite" aria-label="The chosen sample">
      {picture !== undefined && <img src={picture} alt={name ?? ''} />}
      {text !== undefined && <p class="whole">{text}</p>}
      {pair !== undefined && <p class="whole pair">{pair}</p>}
      <dl>
        <dt>Sample</dt>
        <dd>{name ?? index}</dd>
        <dt>Label</dt>
        <dd>{labelName(overview.classes, label)}</dd>
        <dt>Prediction</dt>
        <dd class={wrong ? 'wrong' : ''}>
          {labelName(overview.classes, predicted)}
          {wrong ? ' (wrong)' : ''}
        </dd>
        <dt title="Probability that the model gives to the label">P(label)</dt>
        <dd>{formatShare(confidence)}</dd>
        <dt>Score</dt>
        <dd>{`${formatNumber(score)}, ${STATE_NAMES[state].toLowerCase()}`}</dd>
        <dt title="Probability of the likeliest other class less that of the label, on average over all passes: -1 to 1">
          Suspicion
        </dt>
        <dd>{formatNumber(suspicion, 3)}</dd>
        {overview.classes.length > 0 && (
          <>
            <dt title="Right at a choice and wrong at the next">Forgotten</dt>
            <dd>{['never', 'once'][forgotten] ?? `${forgotten} times`}</dd>
          </>
        )}
        {flagged && (
          <>
            <dt>Flag</dt>
            <dd>⚑ flagged</dd>
          </>
        )}
      </dl>
    </aside>
  );
}
