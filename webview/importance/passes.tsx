import * as l10n from '@vscode/l10n';
import { useEffect, useState } from 'preact/hooks';
import { formatEpochs } from '../../core/protocol/format';
import type { PassSummary } from '../../core/protocol/importance';
import { Button } from '../shared/controls';
import { reducedMotion } from '../shared/theme';

/** Long enough to see what moved, milliseconds. */
const STEP = 900;

interface PassesProps {
  readonly passes: readonly PassSummary[];
  /** Number of the choice that is shown. */
  readonly at: number;
  readonly onPass: (pass: number) => void;
}

/** A slider over the choices of a training, and a button that goes through them; one at a time where nothing should move by itself. */
export function Passes({ passes, at, onPass }: PassesProps) {
  const [playing, setPlaying] = useState(false);
  const last = passes.length - 1;
  useEffect(() => {
    if (!playing) return undefined;
    if (at >= last) {
      setPlaying(false);
      return undefined;
    }
    const timer = setTimeout(() => {
      onPass(at + 1);
    }, STEP);
    return () => {
      clearTimeout(timer);
    };
  }, [playing, at, last, onPass]);

  const next = () => {
    onPass(at >= last ? 0 : at + 1);
  };
  const play = () => {
    if (!playing && at >= last) onPass(0);
    setPlaying(!playing);
  };
  const epoch = passes[at]?.epoch ?? 0;
  return (
    <span class="passes">
      {reducedMotion() ? (
        <Button label={l10n.t('Next choice')} disabled={last === 0} onClick={next} />
      ) : (
        <Button label={playing ? l10n.t('Pause') : l10n.t('Play')} disabled={last === 0} onClick={play} />
      )}
      <label class="slider">
        <span class="field-label">
          {l10n.t({ message: 'Choice after', comment: 'Followed by a number of epochs' })}
        </span>
        <input
          type="range"
          min={0}
          max={last}
          value={at}
          disabled={last === 0}
          aria-valuetext={formatEpochs(epoch)}
          onInput={(event) => {
            setPlaying(false);
            onPass(Number(event.currentTarget.value));
          }}
        />
        <span class="slider-value">{formatEpochs(epoch)}</span>
      </label>
    </span>
  );
}
