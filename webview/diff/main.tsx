import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DiffContract } from '../../core/protocol/checkpoint-panel';
import { formatBytes, formatNumber, formatShare } from '../../core/protocol/format';
import type { CheckpointDiff, InspectionProgress, TensorDifference, TensorForm } from '../../core/protocol/inspection';
import { ABORTED } from '../../core/protocol/rpc';
import { Button, Spinner, TextField } from '../shared/controls';
import { usePanelState } from '../shared/panel-state';
import { ExportButtons } from '../shared/export-buttons';
import { connectHost, HostError } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { Table } from '../shared/table';
import '../shared/styles.css';
import './diff.css';

/** Lines in the table; the others are a word in the filter away, and in the saved file. */
const MOST = 1_000;

const host = connectHost<DiffContract>();

/** One line: whatever separates the two checkpoints. */
interface Line {
  readonly name: string;
  readonly what: string;
  readonly relative: number | null;
  readonly maxAbs: number | null;
  readonly cosine: number | null;
  readonly differing: string;
}

const form = ({ dtype, rank }: TensorForm) => (rank === null ? dtype : l10n.t`${dtype} rank ${rank}`);

function differingOf({ differing, elements, nonFinite }: TensorDifference): string {
  const share = formatShare(differing / Math.max(1, elements));
  return nonFinite > 0 ? l10n.t`${share}, ${nonFinite} not finite` : share;
}

function linesOf(diff: CheckpointDiff): Line[] {
  const bare = (name: string, what: string): Line => ({
    name,
    what,
    relative: null,
    maxAbs: null,
    cosine: null,
    differing: '',
  });
  const shape = (side: { dtype: string; shape: readonly number[] }) => `${side.shape.join(' × ')} ${side.dtype}`;
  return [
    ...diff.missing.map((name) => bare(name, l10n.t('only in the first'))),
    ...diff.added.map((name) => bare(name, l10n.t('only in the second'))),
    ...diff.changed.map(({ name, a, b }) => bare(name, `${shape(a)} → ${shape(b)}`)),
    ...diff.incomparable.map(({ name, reason }) => bare(name, reason)),
    ...diff.differences.map((one) => ({
      name: one.name,
      what: form(one.a) === form(one.b) ? form(one.a) : `${form(one.a)} → ${form(one.b)}`,
      relative: one.relative,
      maxAbs: one.maxAbs,
      cosine: one.cosine,
      differing: differingOf(one),
    })),
  ];
}

/** How many weights fare how, the parts of a sentence. */
const countsOf = ({ identical, missing, added, changed }: CheckpointDiff): string[] => [
  l10n.t`${identical.toLocaleString('en-US')} are identical`,
  ...(missing.length > 0 ? [l10n.t`${missing.length} only in the first`] : []),
  ...(added.length > 0 ? [l10n.t`${added.length} only in the second`] : []),
  ...(changed.length > 0 ? [l10n.t`${changed.length} with different shape or dtype`] : []),
];

function App() {
  const [diff, setDiff] = useState<CheckpointDiff>();
  const [progress, setProgress] = useState<InspectionProgress>();
  const [error, setError] = useState<unknown>();
  const [{ filter }, choose] = usePanelState({ filter: '' });
  const controller = useRef<AbortController>(undefined);
  const load = () => {
    controller.current?.abort();
    const mine = new AbortController();
    controller.current = mine;
    setDiff(undefined);
    setError(undefined);
    setProgress(undefined);
    host
      .request('load', undefined, { signal: mine.signal, onProgress: setProgress })
      .then(setDiff, (reason: unknown) => {
        if (controller.current === mine) setError(reason);
      });
  };
  useEffect(load, []);
  const lines = useMemo(() => (diff ? linesOf(diff) : []), [diff]);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = lines.filter(({ name, what }) => words.every((word) => `${name} ${what}`.toLowerCase().includes(word)));

  if (error !== undefined)
    return (
      <>
        {error instanceof HostError && error.code === ABORTED ? (
          <Empty>{l10n.t('The comparison was canceled.')}</Empty>
        ) : (
          <Problem error={error} />
        )}
        <div class="toolbar">
          <Button label={l10n.t('Compare again')} onClick={load} />
        </div>
      </>
    );
  if (!diff)
    return (
      <div class="toolbar">
        <Spinner
          label={
            progress ? l10n.t`${formatBytes(progress.done)} of ${formatBytes(progress.total)}` : l10n.t('Comparing…')
          }
        />
        <Button
          label={l10n.t('Cancel')}
          onClick={() => {
            controller.current?.abort();
          }}
        />
      </div>
    );

  const greatest = Math.max(...diff.differences.map(({ relative }) => relative ?? 0), Number.MIN_VALUE);
  const table = () => ({
    header: ['tensor', 'what', 'relative difference', 'greatest difference', 'cosine', 'differing'],
    rows: shown.map((line) => [
      line.name,
      line.what,
      line.relative ?? '',
      line.maxAbs ?? '',
      line.cosine ?? '',
      line.differing,
    ]),
  });
  const save = (name: string, content: string) => {
    host.request('save', { name, content }).catch(setError);
  };
  const same = lines.length === 0;
  return (
    <>
      <dl class="sides">
        <dt>{l10n.t({ message: 'First', comment: 'The first of two checkpoints' })}</dt>
        <dd>{diff.a}</dd>
        <dt>{l10n.t({ message: 'Second', comment: 'The second of two checkpoints' })}</dt>
        <dd>{diff.b}</dd>
      </dl>
      <p>
        <strong>{same ? l10n.t('No difference.') : l10n.t`${diff.differences.length} weights differ`}</strong>{' '}
        {countsOf(diff).join(', ')}.
      </p>
      <div class="toolbar">
        <TextField
          label={l10n.t('Filter')}
          hideLabel
          placeholder={l10n.t('Filter')}
          value={filter}
          onInput={(next) => {
            choose({ filter: next });
          }}
        />
        <Button
          label={l10n.t('Swap')}
          title={l10n.t('Swap first and second')}
          onClick={() => {
            host.request('swap', undefined).then(load, setError);
          }}
        />
        <span class="spread" />
        <ExportButtons name="difference" table={table} onSave={save} />
      </div>
      {!same && (
        <Table
          caption={l10n.t('Differences, largest first')}
          hideCaption
          rows={shown.slice(0, MOST)}
          rowKey={({ name, what }) => `${name}\n${what}`}
          columns={[
            { key: 'name', title: l10n.t('Weight'), cell: ({ name }) => name },
            { key: 'what', title: l10n.t('What'), cell: ({ what }) => what },
            {
              key: 'relative',
              title: l10n.t('Relative difference'),
              numeric: true,
              description: '‖a − b‖ / ‖a‖',
              cell: ({ relative }) => (relative === null ? '' : formatNumber(relative)),
            },
            {
              key: 'bar',
              title: '',
              cell: ({ relative }) =>
                relative === null ? null : (
                  <span class="bar" aria-hidden="true">
                    <span style={{ width: `${(100 * relative) / greatest}%` }} />
                  </span>
                ),
            },
            {
              key: 'max',
              title: l10n.t('Greatest difference'),
              numeric: true,
              cell: ({ maxAbs }) => (maxAbs === null ? '' : formatNumber(maxAbs)),
            },
            {
              key: 'cosine',
              title: l10n.t('Cosine'),
              numeric: true,
              cell: ({ cosine }) => (cosine === null ? '' : formatNumber(cosine, 5)),
            },
            {
              key: 'differing',
              title: l10n.t('Elements that differ'),
              numeric: true,
              cell: ({ differing }) => differing,
            },
          ]}
        />
      )}
      {shown.length > MOST && <Empty>{l10n.t`${shown.length - MOST} more: filter, or save them all.`}</Empty>}
    </>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
