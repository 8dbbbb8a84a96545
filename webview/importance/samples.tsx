import * as l10n from '@vscode/l10n';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import {
  isLabeled,
  listsOf,
  type ExportedSamples,
  type ImportanceContract,
  type ImportanceOverview,
  type SampleList,
  type SampleQuery,
} from '../../core/protocol/importance';
import { Button, Checkbox, Dropdown, Spinner, TextField } from '../shared/controls';
import type { Host } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { VirtualList } from '../shared/virtual-list';
import { Detail } from './detail';
import { Flagged } from './flagged';
import { Sample } from './sample';
import { count, listTitle, type State } from './state';
import { usePages } from './use-pages';

interface SamplesProps {
  readonly host: Host<ImportanceContract>;
  readonly overview: ImportanceOverview;
  readonly query: SampleQuery;
  readonly state: State;
  /** Number of flagged samples, whether listed or not. */
  readonly flagged: number;
  readonly onFlagged: (flagged: number) => void;
  readonly onUnflag: () => void;
  readonly onChoose: (change: Partial<State>) => void;
}

/** Maximum number of rows in a list: browsers cannot show pages taller than some million pixels. */
const MAX_ROWS = 100_000;
/** Search after typing has paused for this long, milliseconds. */
const TYPING = 250;

/** Height of a row, and width of a sample if a row holds several; pixels. */
const LAYOUTS = {
  text: { row: 64, sample: Infinity },
  narrowText: { row: 82, sample: Infinity },
  picture: { row: 82, sample: 236 },
} as const;
const NARROW = 620;

/** Positions in the list; everything between them is selected. */
interface Selection {
  readonly anchor: number;
  readonly active: number;
}
const FIRST: Selection = { anchor: 0, active: 0 };

/** The samples in one of several orders, to search, flag and save. */
export function Samples({ host, overview, query, state, flagged, onFlagged, onUnflag, onChoose }: SamplesProps) {
  const pages = usePages(host, query);
  const [selection, setSelection] = useState(FIRST);
  /** Flags changed here since the rows were read. */
  const [flags, setFlags] = useState<ReadonlyMap<number, boolean>>(new Map());
  const [saved, setSaved] = useState<ExportedSamples>();
  const [error, setError] = useState<unknown>();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    setSelection(FIRST);
    setSaved(undefined);
    // The rows are read again, with their flags.
    setFlags(new Map());
  }, [query]);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      setWidth(element.clientWidth);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);

  const layout = LAYOUTS[overview.data === 'images' ? 'picture' : width < NARROW ? 'narrowText' : 'text'];
  const perRow = Math.max(1, Math.floor((width - 16) / layout.sample));
  const total = pages.total ?? 0;
  const rows = useMemo(
    () => Array.from({ length: Math.min(Math.ceil(total / perRow), MAX_ROWS) }, (_, row) => row),
    [total, perRow],
  );
  const onView = useMemo(
    () => (first: number, last: number) => {
      pages.show(first * perRow, Math.min(last * perRow, total));
    },
    [pages.show, perRow, total],
  );

  const isFlagged = (position: number) => {
    const sample = pages.row(position);
    return sample !== undefined && (flags.get(sample.index) ?? sample.flagged);
  };
  const [from, to] = [Math.min(selection.anchor, selection.active), Math.max(selection.anchor, selection.active)];
  const flag = (first: number, last: number) => {
    const positions = Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((at) => pages.row(at));
    const marks = !positions.every(isFlagged);
    const indices = positions.flatMap((at) => pages.row(at)?.index ?? []);
    if (indices.length === 0) return;
    setError(undefined);
    host.request('flag', { indices, flagged: marks }).then((now) => {
      onFlagged(now);
      setFlags((before) => new Map([...before, ...indices.map((index) => [index, marks] as const)]));
    }, setError);
  };
  const move = (by: number, extend: boolean) => {
    const active = Math.min(Math.max(selection.active + by, 0), total - 1);
    setSelection({ anchor: extend ? selection.anchor : active, active });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const across = perRow > 1 ? { ArrowRight: 1, ArrowLeft: -1 }[event.key] : undefined;
    const page = 5 * perRow;
    const by =
      across ??
      { ArrowDown: perRow, ArrowUp: -perRow, PageDown: page, PageUp: -page, Home: -total, End: total }[event.key];
    if (by !== undefined) move(by, event.shiftKey);
    else if (event.key === ' ') flag(from, to);
    else return;
    event.preventDefault();
  };
  const chosen = pages.row(selection.active);
  const many = to - from + 1;
  const unflags = many > 0 && isFlagged(from) && isFlagged(to);

  return (
    <>
      <h2>{pages.total === undefined ? l10n.t('Samples') : countOf(total, state.search)}</h2>
      <div class="toolbar">
        <Dropdown<SampleList>
          label={l10n.t({ message: 'List', comment: 'Noun: the order in which samples are listed' })}
          value={state.list}
          choices={listsOf(overview).map((list) => ({ value: list, label: listTitle(list) }))}
          onChange={(list) => {
            onChoose({ list });
          }}
        />
        <Search
          value={state.search}
          onSearch={(search) => {
            onChoose({ search });
          }}
        />
        {overview.classes.length > 0 && (
          <Checkbox
            label={l10n.t('Wrong only')}
            checked={state.wrong}
            onChange={(wrong) => {
              onChoose({ wrong });
            }}
          />
        )}
        <Checkbox
          label={l10n.t`Flagged only (${count(flagged)})`}
          checked={state.flagged}
          onChange={(only) => {
            onChoose({ flagged: only });
          }}
        />
        <span class="spread" />
        <span class="group">
          {' '}
          <Button
            label={flagLabel(unflags, many)}
            title={l10n.t({ message: 'Space in the list', comment: 'The Space key does the same in the list' })}
            disabled={total === 0}
            onClick={() => {
              flag(from, to);
            }}
          />
          <Button
            label={l10n.t('Export JSONL…')}
            title={l10n.t('All samples of this list, one JSON object per line')}
            disabled={total === 0}
            onClick={() => {
              setError(undefined);
              host.request('export', query).then(setSaved, setError);
            }}
          />
        </span>{' '}
      </div>
      {flagged > 0 && isLabeled(overview.data) && (
        <Flagged
          host={host}
          flagged={flagged}
          query={{ epoch: query.epoch, list: 'important', flagged: true }}
          onUnflag={onUnflag}
        />
      )}
      {pages.note !== undefined && (
        <p class="note" role="status">
          {pages.note}
        </p>
      )}
      {saved && <p class="muted" role="status">{l10n.t`${count(saved.count)} samples saved as ${saved.file}.`}</p>}
      {(error ?? pages.error) !== undefined && <Problem error={error ?? pages.error} />}
      {rows.length === MAX_ROWS && (
        <p class="muted">{l10n.t`The first ${count(MAX_ROWS * perRow)} are listed here; the saved file has them all.`}</p>
      )}
      <div class="samples">
        <div
          ref={frame}
          class={`list ${overview.data === 'images' ? 'images' : 'texts'}${pages.stale ? ' stale' : ''}${width < NARROW ? ' narrow' : ''}`}
        >
          {pages.total === undefined ? (
            <Spinner label={l10n.t('Reading the samples…')} />
          ) : total === 0 ? (
            <Empty>{emptyReason(state)}</Empty>
          ) : (
            <VirtualList
              label={l10n.t('Samples; arrow keys move between them, Shift selects several, Space flags')}
              rows={rows}
              rowHeight={layout.row}
              active={Math.floor(selection.active / perRow)}
              onKeyDown={onKeyDown}
              onView={onView}
              render={(row) => (
                <div key={row} class="sample-row" style={{ height: `${layout.row}px` }}>
                  {Array.from({ length: Math.min(perRow, total - row * perRow) }, (_, i) => {
                    const position = row * perRow + i;
                    return (
                      <Sample
                        key={position}
                        overview={overview}
                        sample={pages.row(position)}
                        flagged={isFlagged(position)}
                        selected={position >= from && position <= to}
                        onSelect={(extend) => {
                          setSelection({ anchor: extend ? selection.anchor : position, active: position });
                        }}
                        onFlag={() => {
                          flag(position, position);
                        }}
                      />
                    );
                  })}
                </div>
              )}
            />
          )}
        </div>
        {chosen && <Detail overview={overview} sample={chosen} flagged={isFlagged(selection.active)} />}
      </div>
    </>
  );
}

/** `1,024 samples with “cat”`. */
function countOf(total: number, search: string): string {
  if (search === '') return total === 1 ? l10n.t`${count(total)} sample` : l10n.t`${count(total)} samples`;
  return total === 1
    ? l10n.t`${count(total)} sample with “${search}”`
    : l10n.t`${count(total)} samples with “${search}”`;
}

/** What the button does to the samples that are selected. */
function flagLabel(unflags: boolean, many: number): string {
  if (unflags) return many > 1 ? l10n.t`Unflag ${count(many)} samples` : l10n.t('Unflag');
  return many > 1 ? l10n.t`Flag ${count(many)} samples` : l10n.t({ message: 'Flag', comment: 'Verb' });
}

/** Why the list is empty, and what would change that. */
function emptyReason({ flagged, search, list }: State): string {
  if (flagged) return l10n.t('None of these samples is flagged. Select one and press Space or Flag.');
  if (search !== '') return l10n.t('No sample contains this in its text or name.');
  if (list === 'forgotten')
    return l10n.t('No sample was classified correctly at one selection and wrongly at the next.');
  if (list === 'mislabeled') return l10n.t('The model agrees with every label here.');
  return l10n.t('No sample matches. Clear the range, or choose another class or state.');
}

interface SearchProps {
  readonly value: string;
  readonly onSearch: (search: string) => void;
}

/** Searches when typing pauses. */
function Search({ value, onSearch }: SearchProps) {
  const [typed, setTyped] = useState(value);
  const latest = useRef(onSearch);
  latest.current = onSearch;
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => {
      latest.current(typed);
    }, TYPING);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, value]);
  return (
    <TextField
      label={l10n.t('Search')}
      hideLabel
      placeholder={l10n.t('Search texts and names')}
      value={typed}
      onInput={setTyped}
    />
  );
}
