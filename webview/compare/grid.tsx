import * as l10n from '@vscode/l10n';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { differenceTo, groupTitle, type CompareColumn, type ComparedRun } from '../../core/protocol/compare';
import { SparklineView, type AskSparklines } from './sparkline';

const ROW = 26;
const COLUMN = 160;
const NAME = 220;
const HEAD = 48;
/** Cells drawn beyond the edges, so that a fast scroll shows no gap. */
const SPARE = 3;

export interface Sorting {
  readonly key: string;
  readonly direction: 'up' | 'down';
}

interface GridProps {
  readonly runs: readonly ComparedRun[];
  readonly columns: readonly CompareColumn[];
  readonly sorting: Sorting | undefined;
  readonly baseline: ComparedRun | undefined;
  readonly selected: string;
  readonly askSparklines: AskSparklines;
  readonly onSort: (key: string) => void;
  readonly onHide: (key: string) => void;
  readonly onSelect: (run: ComparedRun) => void;
  readonly onOpen: (run: ComparedRun) => void;
}

/** The table, of which only the cells in view are in the page: a thousand runs by a thousand columns scroll as ten by ten. */
export function Grid(props: GridProps) {
  const { runs, columns, sorting, baseline, selected, askSparklines, onSort, onHide, onSelect, onOpen } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, left: 0, width: 800, height: 400 });
  const measure = () => {
    const element = frame.current;
    if (!element) return;
    const { scrollTop, scrollLeft, clientWidth, clientHeight } = element;
    setView({ top: scrollTop, left: scrollLeft, width: clientWidth, height: clientHeight });
  };
  useEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (frame.current) observer.observe(frame.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  const firstRow = Math.max(0, Math.floor(view.top / ROW) - SPARE);
  const lastRow = Math.min(runs.length, Math.ceil((view.top + view.height - HEAD) / ROW) + SPARE);
  const firstColumn = Math.max(0, Math.floor(view.left / COLUMN) - SPARE);
  const lastColumn = Math.min(columns.length, Math.ceil((view.left + view.width - NAME) / COLUMN) + SPARE);
  const shown = columns.slice(firstColumn, lastColumn);
  const at = runs.findIndex(({ dir }) => dir === selected);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -runs.length, End: runs.length }[
      event.key
    ];
    const current = runs[at];
    if (event.key === 'Enter' && current) onOpen(current);
    if (step === undefined) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(runs.length - 1, at + step));
    const next = runs[index];
    if (next) onSelect(next);
    const element = frame.current;
    if (!element) return;
    const [top, bottom] = [index * ROW, (index + 1) * ROW + HEAD];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  };

  const place = (index: number) => ({ left: `${NAME + index * COLUMN}px`, width: `${COLUMN}px` });
  return (
    <div
      ref={frame}
      class="grid"
      role="grid"
      aria-label={l10n.t('Runs')}
      aria-rowcount={runs.length + 1}
      aria-colcount={columns.length + 1}
      tabIndex={0}
      onScroll={measure}
      onKeyDown={onKeyDown}
    >
      <div
        class="grid-content"
        style={{ width: `${NAME + columns.length * COLUMN}px`, height: `${HEAD + runs.length * ROW}px` }}
      >
        <div class="grid-head" role="row" aria-rowindex={1} style={{ height: `${HEAD}px` }}>
          <div class="grid-name" role="columnheader" aria-colindex={1} style={{ width: `${NAME}px` }}>
            {l10n.t('Run')}
          </div>
          {shown.map((column, index) => (
            <Head
              key={column.key}
              column={column}
              colindex={firstColumn + index + 2}
              style={place(firstColumn + index)}
              sorting={sorting?.key === column.key ? sorting : undefined}
              onSort={() => {
                onSort(column.key);
              }}
              onHide={() => {
                onHide(column.key);
              }}
            />
          ))}
        </div>
        {runs.slice(firstRow, lastRow).map((run, index) => (
          <div
            key={run.dir}
            class={`grid-row${run.dir === baseline?.dir ? ' baseline' : ''}`}
            role="row"
            aria-rowindex={firstRow + index + 2}
            aria-selected={run.dir === selected}
            style={{ top: `${HEAD + (firstRow + index) * ROW}px`, height: `${ROW}px` }}
            onClick={() => {
              onSelect(run);
            }}
            onDblClick={() => {
              onOpen(run);
            }}
          >
            <div class="grid-name" role="rowheader" aria-colindex={1} style={{ width: `${NAME}px` }} title={run.id}>
              {run.starred ? '★ ' : ''}
              {run.name}
              {run.dir === baseline?.dir ? ` ${l10n.t('(baseline)')}` : ''}
            </div>
            {shown.map((column, position) => (
              <Cell
                key={column.key}
                style={place(firstColumn + position)}
                colindex={firstColumn + position + 2}
                numeric={typeof column.value(run) === 'number'}
              >
                {column.group === 'Metrics' && (
                  <SparklineView runDir={run.dir} metric={column.name} ask={askSparklines} />
                )}
                {column.show(run)}
                <Change column={column} text={differenceTo(column, run, baseline)} />
              </Cell>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

interface HeadProps {
  readonly column: CompareColumn;
  readonly colindex: number;
  readonly style: { readonly left: string; readonly width: string };
  readonly sorting: Sorting | undefined;
  readonly onSort: () => void;
  readonly onHide: () => void;
}

function Head({ column, colindex, style, sorting, onSort, onHide }: HeadProps) {
  const sorted = sorting && ({ up: 'ascending', down: 'descending' } as const)[sorting.direction];
  const group = groupTitle(column.group);
  return (
    <div class="grid-cell" role="columnheader" aria-colindex={colindex} aria-sort={sorted ?? 'none'} style={style}>
      <button type="button" class="grid-title" title={l10n.t`${group}: ${column.title}. Sort by it`} onClick={onSort}>
        <span class="muted">{group}</span>
        <span class="grid-column">
          {column.title}
          {sorting ? (sorting.direction === 'up' ? ' ▲' : ' ▼') : ''}
        </span>
      </button>
      <button
        type="button"
        class="grid-hide"
        title={l10n.t`Hide ${column.title}`}
        aria-label={l10n.t`Hide ${column.title}`}
        onClick={onHide}
      >
        ×
      </button>
    </div>
  );
}

interface CellProps {
  readonly style: { readonly left: string; readonly width: string };
  readonly colindex: number;
  readonly numeric: boolean;
  readonly children: ComponentChildren;
}

function Cell({ style, colindex, numeric, children }: CellProps) {
  return (
    <div class={numeric ? 'grid-cell numeric' : 'grid-cell'} role="gridcell" aria-colindex={colindex} style={style}>
      {children}
    </div>
  );
}

/** Better and worse are told by a sign and a word, not by color alone. */
function Change({ column, text }: { readonly column: CompareColumn; readonly text: string }) {
  if (text === '') return null;
  const better = column.better && (text.startsWith('+') === (column.better === 'higher') ? 'better' : 'worse');
  return (
    <span class={`change ${better ?? ''}`} title={better && (better === 'better' ? l10n.t('better') : l10n.t('worse'))}>
      {' '}
      {text}
    </span>
  );
}
