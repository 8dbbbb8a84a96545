import * as l10n from '@vscode/l10n';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatBytes } from '../../core/protocol/format';
import type { InspectionProgress } from '../../core/protocol/inspection';
import { ABORTED } from '../../core/protocol/rpc';
import { Button, Spinner } from '../shared/controls';
import { HostError } from '../shared/host';
import { Problem } from '../shared/messages';

interface InspectProps<Value> {
  /** What is looked at: another one asks anew. */
  readonly subject: string;
  /** Whether to ask at once, or first when the person says so. */
  readonly automatic: boolean;
  readonly label: string;
  /** Values that were asked for before, by subject. */
  readonly cache: Map<string, Value>;
  readonly ask: (signal: AbortSignal, onProgress: (progress: InspectionProgress) => void) => Promise<Value>;
  /** The person called it off. */
  readonly onCancel?: () => void;
  readonly children: (value: Value) => preact.ComponentChildren;
}

type State<Value> =
  | { readonly kind: 'idle' }
  | { readonly kind: 'working'; readonly progress: InspectionProgress | undefined }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ready'; readonly value: Value };

/** Asks for something that may take its time: with progress, and with a way to call it off. */
export function Inspect<Value>({ subject, automatic, label, cache, ask, onCancel, children }: InspectProps<Value>) {
  const known = cache.get(subject);
  const [state, setState] = useState<State<Value>>({ kind: 'idle' });
  const controller = useRef<AbortController>(undefined);
  const start = () => {
    controller.current?.abort();
    const mine = new AbortController();
    controller.current = mine;
    setState({ kind: 'working', progress: undefined });
    const current = () => controller.current === mine;
    ask(mine.signal, (progress) => {
      if (current()) setState({ kind: 'working', progress });
    }).then(
      (value) => {
        cache.set(subject, value);
        if (current()) setState({ kind: 'ready', value });
      },
      (error: unknown) => {
        if (!current()) return;
        const off = error instanceof HostError && error.code === ABORTED;
        setState(off ? { kind: 'idle' } : { kind: 'failed', error });
      },
    );
  };
  useEffect(() => {
    if (known !== undefined) setState({ kind: 'ready', value: known });
    else if (automatic) start();
    else setState({ kind: 'idle' });
    return () => {
      controller.current?.abort();
      controller.current = undefined;
    };
  }, [subject]);

  switch (state.kind) {
    case 'idle':
      return (
        <div class="toolbar">
          <Button label={label} appearance="primary" onClick={start} />
        </div>
      );
    case 'working':
      return (
        <div class="toolbar">
          <Spinner label={describe(state.progress)} />
          <Button
            label={l10n.t('Cancel')}
            onClick={() => {
              controller.current?.abort();
              onCancel?.();
            }}
          />
        </div>
      );
    case 'failed':
      return (
        <>
          <Problem error={state.error} />
          <div class="toolbar">
            <Button label={l10n.t('Try again')} onClick={start} />
          </div>
        </>
      );
    case 'ready':
      return <>{children(state.value)}</>;
  }
}

function describe(progress: InspectionProgress | undefined): string {
  if (!progress) return l10n.t('Reading…');
  const { done, total, unit, label } = progress;
  const share =
    unit === 'bytes'
      ? l10n.t`${formatBytes(done)} of ${formatBytes(total)}`
      : total > 0
        ? `${Math.round((100 * done) / total)}%`
        : '';
  return label === undefined ? share : `${share}, ${label}`;
}
