import * as l10n from '@vscode/l10n';
import { truthSentence, wrongSentence, type ListTruth, type WrongLabels } from '../../core/protocol/importance';
import { Button } from '../shared/controls';

interface WrongLabelsProps {
  readonly wrong: WrongLabels;
  readonly truth: ListTruth | undefined;
  readonly onList: () => void;
  readonly onFlag: () => void;
}

/** How many labels look wrong at a selection, and what to do with these samples. */
export function WrongLabelsLine({ wrong, truth, onList, onFlag }: WrongLabelsProps) {
  return (
    <div class="wrong-labels">
      <p>
        <strong>{wrongSentence(wrong)}</strong>
        {truth && <span class="muted">{` ${truthSentence(truth) ?? ''}`}</span>}
      </p>
      {wrong.listed > 0 && (
        <span class="group">
          <Button label={l10n.t('List Them')} title={l10n.t('The samples whose labels look wrong')} onClick={onList} />
          <Button
            label={l10n.t('Flag Them')}
            title={l10n.t('Flags the samples whose labels look wrong; take the flags of some away before you go on')}
            onClick={onFlag}
          />
        </span>
      )}
    </div>
  );
}
