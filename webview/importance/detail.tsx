import * as l10n from '@vscode/l10n';
import { formatNumber, formatShare } from '../../core/protocol/format';
import { labelName, type ImportanceOverview, type Opinion, type SampleRow } from '../../core/protocol/importance';
import { isWrong } from './sample';
import { stateName } from './state';

interface DetailProps {
  readonly overview: ImportanceOverview;
  readonly sample: SampleRow;
  readonly flagged: boolean;
}

/** Everything known about one sample. */
export function Detail({ overview, sample, flagged }: DetailProps) {
  const { index, name, text, pair, picture, opinion, score, state } = sample;
  return (
    <aside class="detail" aria-live="polite" aria-label={l10n.t('The chosen sample')}>
      {picture !== undefined && <img src={picture} alt={name ?? ''} />}
      {text !== undefined && <p class="whole">{text}</p>}
      {pair !== undefined && <p class="whole pair">{pair}</p>}
      <dl>
        <dt>{l10n.t('Sample')}</dt>
        <dd>{name ?? index}</dd>
        {opinion && <Verdict overview={overview} opinion={opinion} />}
        <dt>{l10n.t('Score')}</dt>
        <dd>{`${formatNumber(score)}, ${stateName(state)}`}</dd>
        {opinion && <Doubt overview={overview} opinion={opinion} />}
        {flagged && (
          <>
            <dt>{l10n.t({ message: 'Flag', comment: 'Noun: whether a person flagged the sample' })}</dt>
            <dd>⚑ {l10n.t('flagged')}</dd>
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
      <dt>{l10n.t('Label')}</dt>
      <dd>{labelName(overview.classes, label)}</dd>
      <dt>{l10n.t('Prediction')}</dt>
      <dd class={wrong ? 'wrong' : ''}>
        {wrong ? l10n.t`${labelName(overview.classes, predicted)} (wrong)` : labelName(overview.classes, predicted)}
      </dd>
      <dt title={l10n.t('Probability that the model assigns to the label')}>{l10n.t('P(label)')}</dt>
      <dd>{formatShare(confidence)}</dd>
    </>
  );
}

/** How much the model has doubted the label, over all predictions. */
function Doubt({ overview: { classes }, opinion: { suspicion, forgotten } }: OpinionProps) {
  return (
    <>
      <dt
        title={l10n.t(
          'Probability of the most likely other class minus that of the label, averaged over all predictions: -1 to 1',
        )}
      >
        {l10n.t('Suspicion')}
      </dt>
      <dd>{formatNumber(suspicion, 3)}</dd>
      {classes.length > 0 && (
        <>
          <dt title={l10n.t('Correct at one selection and wrong at the next')}>{l10n.t('Forgotten')}</dt>
          <dd>{[l10n.t('never'), l10n.t('once')][forgotten] ?? l10n.t`${forgotten} times`}</dd>
        </>
      )}
    </>
  );
}
