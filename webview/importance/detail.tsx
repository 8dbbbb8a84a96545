import { formatNumber, formatShare } from '../../core/protocol/format';
import { labelName, type ImportanceOverview, type Opinion, type SampleRow } from '../../core/protocol/importance';
import { isWrong } from './sample';
import { STATE_NAMES } from './state';

interface DetailProps {
  readonly overview: ImportanceOverview;
  readonly sample: SampleRow;
  readonly flagged: boolean;
}

/** Everything known about one sample. */
export function Detail({ overview, sample, flagged }: DetailProps) {
  const { index, name, text, pair, picture, opinion, score, state } = sample;
  return (
    <aside class="detail" aria-live="polite" aria-label="The chosen sample">
      {picture !== undefined && <img src={picture} alt={name ?? ''} />}
      {text !== undefined && <p class="whole">{text}</p>}
      {pair !== undefined && <p class="whole pair">{pair}</p>}
      <dl>
        <dt>Sample</dt>
        <dd>{name ?? index}</dd>
        {opinion && <Verdict overview={overview} opinion={opinion} />}
        <dt>Score</dt>
        <dd>{`${formatNumber(score)}, ${STATE_NAMES[state].toLowerCase()}`}</dd>
        {opinion && <Doubt overview={overview} opinion={opinion} />}
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

interface OpinionProps {
  readonly overview: ImportanceOverview;
  readonly opinion: Opinion;
}

/** The model's prediction, next to the label. */
function Verdict({ overview, opinion }: OpinionProps) {
  const { label, predicted, confidence } = opinion;
  const wrong = isWrong(overview, opinion);
  return (
    <>
      <dt>Label</dt>
      <dd>{labelName(overview.classes, label)}</dd>
      <dt>Prediction</dt>
      <dd class={wrong ? 'wrong' : ''}>
        {labelName(overview.classes, predicted)}
        {wrong ? ' (wrong)' : ''}
      </dd>
      <dt title="Probability that the model assigns to the label">P(label)</dt>
      <dd>{formatShare(confidence)}</dd>
    </>
  );
}

/** How much the model has doubted the label, over all passes. */
function Doubt({ overview: { classes }, opinion: { suspicion, forgotten } }: OpinionProps) {
  return (
    <>
      <dt title="Probability of the most likely other class minus that of the label, averaged over all passes: -1 to 1">
        Suspicion
      </dt>
      <dd>{formatNumber(suspicion, 3)}</dd>
      {classes.length > 0 && (
        <>
          <dt title="Correct at one selection and wrong at the next">Forgotten</dt>
          <dd>{['never', 'once'][forgotten] ?? `${forgotten} times`}</dd>
        </>
      )}
    </>
  );
}
