import * as l10n from '@vscode/l10n';
import { useState } from 'preact/hooks';
import type { CleanedCopy, ImportanceContract, NextSpec, SampleQuery } from '../../core/protocol/importance';
import { Button, Spinner } from '../shared/controls';
import type { Host } from '../shared/host';
import { Problem } from '../shared/messages';
import { count } from './state';

interface FlaggedProps {
  readonly host: Host<ImportanceContract>;
  readonly flagged: number;
  /** The flagged samples. */
  readonly query: SampleQuery;
  readonly onUnflag: () => void;
}

type Done = CleanedCopy & Partial<Pick<NextSpec, 'spec'>>;

/** What can be done with flagged samples: a copy of the data without them, and a spec that trains on it. */
export function Flagged({ host, flagged, query, onUnflag }: FlaggedProps) {
  const [writing, setWriting] = useState(false);
  const [done, setDone] = useState<Done>();
  const [error, setError] = useState<unknown>();
  const write = (request: 'clean' | 'trainAgain') => {
    setDone(undefined);
    setError(undefined);
    setWriting(true);
    host
      .request(request, query)
      .then(setDone, setError)
      .finally(() => {
        setWriting(false);
      });
  };
  return (
    <>
      <div class="toolbar flagged-line">
        <span>{flagged === 1 ? l10n.t('1 sample is flagged.') : l10n.t`${count(flagged)} samples are flagged.`}</span>
        <span class="group">
          <Button
            label={l10n.t('Train Again Without Them')}
            title={l10n.t(
              'Writes the data without them and a spec that trains on it, with all other settings and the evaluation samples as in this run',
            )}
            disabled={writing}
            onClick={() => {
              write('trainAgain');
            }}
          />
          <Button
            label={l10n.t('Save Cleaned Copy…')}
            title={l10n.t('The data of the run without them, in its own format')}
            disabled={writing}
            onClick={() => {
              write('clean');
            }}
          />
          <Button label={l10n.t('Clear Flags')} disabled={writing} onClick={onUnflag} />
        </span>
        {writing && <Spinner label={l10n.t('Writing the copy…')} />}
      </div>
      {done && (
        <p class="muted written" role="status" title={done.spec ?? done.file}>
          {[
            done.spec === undefined
              ? l10n.t`Saved as ${done.file}: ${count(done.kept)} training samples, without ${count(done.leftOut)}.`
              : l10n.t`${nameOf(done.spec)} trains on ${count(done.kept)} samples, without ${count(done.leftOut)}; run it when you like.`,
            ...done.notes,
          ].join(' ')}
        </p>
      )}
      {error !== undefined && <Problem error={error} />}
    </>
  );
}

const nameOf = (file: string) => file.split(/[\\/]/).at(-1) ?? file;
