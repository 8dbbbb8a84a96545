import * as l10n from '@vscode/l10n';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatBytes, formatInteger, formatNumber, formatShare } from '../../core/protocol/format';
import { ABORTED } from '../../core/protocol/rpc';
import {
  damagedFirst,
  infinities,
  isDamaged,
  statisticsFinding,
  type CheckpointStatistics,
  type StatisticsProgress,
  type TensorHealth,
} from '../../core/protocol/checkpoint-statistics';
import { Button, Spinner } from '../shared/controls';
import { HostError } from '../shared/host';
import { Problem } from '../shared/messages';
import { VirtualList } from '../shared/virtual-list';

interface StatisticsTableProps {
  /** Bytes of all tensors. */
  readonly bytes: number;
  /** What was found before, and takes what is found. */
  readonly kept: { statistics?: CheckpointStatistics };
  readonly ask: (
    onlyKept: boolean,
    signal: AbortSignal,
    onProgress: (progress: StatisticsProgress) => void,
  ) => Promise<CheckpointStatistics>;
  readonly onSelect: (tensor: string) => void;
}

interface Column {
  readonly key: string;
  readonly title: string;
  readonly value: (row: TensorHealth) => number | string;
  readonly text: (row: TensorHealth) => string;
}

const number = (key: 'min' | 'max' | 'mean' | 'std', title: string): Column => ({
  key,
  title,
  value: (row) => row[key] ?? NaN,
  text: (row) => {
    if ((key === 'min' || key === 'max') && row.exact) return formatInteger(row.exact[key]);
    return row[key] === null ? '–' : formatNumber(row[key], 4);
  },
});
const count = (key: string, title: string, of: (row: TensorHealth) => number): Column => ({
  key,
  title,
  value: of,
  text: (row) => of(row).toLocaleString('en-US'),
});
const zeros = (row: TensorHealth) => (row.elements > 0 ? row.zeros / row.elements : 0);

const columns = (): readonly Column[] => [
  { key: 'name', title: l10n.t('Tensor'), value: ({ name }) => name, text: ({ name }) => name },
  count('nan', 'NaN', ({ nan }) => nan),
  count('inf', 'Inf', infinities),
  number('min', l10n.t('Min')),
  number('max', l10n.t('Max')),
  number('mean', l10n.t('Mean')),
  number('std', l10n.t({ message: 'Std', comment: 'Short for standard deviation' })),
  { key: 'zeros', title: l10n.t('Zeros'), value: zeros, text: (row) => formatShare(zeros(row)) },
];

interface Sorting {
  readonly key: string;
  readonly descending: boolean;
}

/** Rows in the order of a column, or damaged ones first and then as in the file. */
export function sortedRows(rows: readonly TensorHealth[], sorting: Sorting | undefined): TensorHealth[] {
  const column = columns().find(({ key }) => key === sorting?.key);
  if (!column || !sorting) return damagedFirst(rows);
  const sign = sorting.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    if (typeof x === 'string' || typeof y === 'string')
      return sign * String(x).localeCompare(String(y), 'en', { numeric: true });
    // What has no value stands last, whichever way the column is sorted.
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return sign * (x - y);
  });
}

/** The statistics of all tensors: those that break a model first. */
export function StatisticsTable({ bytes, kept, ask, onSelect }: StatisticsTableProps) {
  const [statistics, setStatistics] = useState(kept.statistics);
  const [progress, setProgress] = useState<StatisticsProgress>();
  const [error, setError] = useState<unknown>();
  const [sorting, setSorting] = useState<Sorting>();
  const [active, setActive] = useState(0);
  const controller = useRef<AbortController>(undefined);
  const request = (onlyKept: boolean) => {
    const mine = new AbortController();
    controller.current = mine;
    setError(undefined);
    const gathered = new Map((statistics?.rows ?? []).map((row) => [row.name, row]));
    ask(onlyKept, mine.signal, (step) => {
      if (controller.current !== mine) return;
      for (const row of step.rows) gathered.set(row.name, row);
      setProgress(step);
      setStatistics((before) => ({ tensors: before?.tensors ?? gathered.size, rows: [...gathered.values()] }));
    }).then(
      (whole) => {
        if (controller.current !== mine) return;
        setProgress(undefined);
        setStatistics(whole);
        kept.statistics = whole;
      },
      (problem: unknown) => {
        if (controller.current !== mine) return;
        setProgress(undefined);
        if (!(problem instanceof HostError && problem.code === ABORTED)) setError(problem);
      },
    );
  };
  useEffect(() => {
    if (!statistics) request(true);
    return () => {
      controller.current?.abort();
      controller.current = undefined;
    };
  }, []);

  const rows = useMemo(() => sortedRows(statistics?.rows ?? [], sorting), [statistics, sorting]);
  if (!statistics && error === undefined) return <Spinner label={l10n.t('Looking for earlier results…')} />;
  const done = statistics ? statistics.rows.length : 0;
  const complete = statistics?.tensors === done;
  const damaged = rows.some(isDamaged);
  const shown = columns();
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    const row = rows[active];
    if (by !== undefined) setActive(Math.max(0, Math.min(rows.length - 1, active + by)));
    else if (event.key === 'Enter' && row) onSelect(row.name);
    else return;
    event.preventDefault();
  };
  return (
    <div class="statistics-table">
      <h2>{l10n.t('All tensors')}</h2>
      {error !== undefined && <Problem error={error} />}
      {done > 0 && (
        <p class={`finding${damaged ? ' bad' : ''}`} role="status">
          {damaged && '⚠ '}
          {statisticsFinding(rows)}
          {!complete &&
            statistics &&
            ` ${l10n.t`${statistics.tensors - done} of ${statistics.tensors} were not checked.`}`}
        </p>
      )}
      {progress ? (
        <div class="toolbar">
          <Spinner label={l10n.t`${formatBytes(progress.done)} of ${formatBytes(progress.total)} read`} />
          <Button
            label={l10n.t('Cancel')}
            onClick={() => {
              controller.current?.abort();
            }}
          />
        </div>
      ) : (
        !complete && (
          <div class="toolbar">
            <Button
              label={done > 0 ? l10n.t('Go on') : l10n.t('Compute statistics of all tensors')}
              appearance="primary"
              onClick={() => {
                request(false);
              }}
            />
            <span class="muted">{l10n.t`reads ${formatBytes(bytes)}; finds NaN and infinite values`}</span>
          </div>
        )
      )}
      {rows.length > 0 && (
        <VirtualList
          label={l10n.t('Statistics of all tensors')}
          role="grid"
          rows={rows}
          rowHeight={22}
          active={active}
          onKeyDown={onKeyDown}
          header={
            <div class="statistics-row statistics-head" role="row">
              {shown.map(({ key, title }) => (
                <button
                  key={key}
                  type="button"
                  aria-pressed={sorting?.key === key}
                  title={l10n.t`Sort by ${title}`}
                  onClick={() => {
                    const again = sorting?.key === key;
                    // Numbers are mostly asked for their greatest; a third click gives the order of the file.
                    const first = key !== 'name';
                    setSorting(
                      again && sorting.descending !== first ? undefined : { key, descending: again ? !first : first },
                    );
                  }}
                >
                  {title}
                  {sorting?.key === key ? (sorting.descending ? ' ↓' : ' ↑') : ''}
                </button>
              ))}
            </div>
          }
          render={(row, index) => (
            <div
              key={row.name}
              class={`statistics-row${isDamaged(row) ? ' damaged' : ''}`}
              role="row"
              aria-selected={index === active}
              aria-rowindex={index + 1}
              onClick={() => {
                setActive(index);
                onSelect(row.name);
              }}
            >
              {shown.map(({ key, text }) => (
                <span key={key} role="gridcell" title={key === 'name' ? row.name : undefined}>
                  {key === 'name' && isDamaged(row) ? '⚠ ' : ''}
                  {text(row)}
                </span>
              ))}
            </div>
          )}
        />
      )}
    </div>
  );
}
