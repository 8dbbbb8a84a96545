import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CheckpointContract } from '../../core/protocol/checkpoint-panel';
import { formatCount, formatShare } from '../../core/protocol/format';
import type {
  CheckpointOverview,
  KeptShares,
  Spectrum,
  TensorStatistics,
  TensorSummary,
  ValueGrid,
} from '../../core/protocol/inspection';
import type { CheckpointStatistics } from '../../core/protocol/checkpoint-statistics';
import { Button, Spinner, Tabs, TextField } from '../shared/controls';
import { connectHost } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { usePanelState } from '../shared/panel-state';
import '../shared/styles.css';
import { VirtualList } from '../shared/virtual-list';
import './checkpoint.css';
import { Head } from './head';
import { Inspect } from './inspect';
import { SizesView } from './sizes';
import { SpectrumView, type SpectrumChoices } from './spectrum';
import { StatisticsView } from './statistics';
import { StatisticsTable } from './statistics-table';
import { visibleRows, type TreeRow } from './tree';
import { ValuesView } from './values';

/** Tensors with up to this many parameters are inspected automatically, since it takes no noticeable time. */
const SMALL = 4_000_000;
/** Models with up to this many have what their sizes keep computed when that is shown: it takes a moment. */
const SMALL_MODEL = 50_000_000;
const ROW = 24;
/** Maximum number of layers in `Choices.spectra`. */
const MOST_SPECTRA = 50;

const host = connectHost<CheckpointContract>();

/** The user's choices. */
interface Choices {
  readonly filter: string;
  readonly selected: string;
  readonly tab: string;
  readonly toggled: readonly string[];
  /** Layers whose singular values were requested: they are shown again with the panel, from the host's cache. */
  readonly spectra: readonly string[];
}
const initial: Choices = { filter: '', selected: '', tab: 'statistics', toggled: [], spectra: [] };

function App() {
  const [overview, setOverview] = useState<CheckpointOverview>();
  const [error, setError] = useState<unknown>();
  const [stale, setStale] = useState(false);
  /** Counts how often the file was read, so that results from an earlier version of it are requested again. */
  const [tableKey, setTableKey] = useState(0);
  const [chosen, choose] = usePanelState(initial);
  const caches = useRef(newCaches());
  const load = () => {
    setStale(false);
    setError(undefined);
    setTableKey((before) => before + 1);
    caches.current = newCaches();
    host.request('load', undefined).then(setOverview, setError);
  };
  useEffect(() => {
    load();
    return host.on('changed', () => {
      setStale(true);
    });
  }, []);

  const rows = useMemo(
    () => (overview ? visibleRows(overview.summary.root, new Set(chosen.toggled), chosen.filter) : []),
    [overview, chosen.toggled, chosen.filter],
  );
  if (error !== undefined)
    return (
      <>
        <Problem error={error} />
        <div class="toolbar">
          <Button label={l10n.t('Read again')} onClick={load} />
        </div>
      </>
    );
  if (!overview) return <Spinner label={l10n.t('Reading the header…')} />;

  const { summary } = overview;
  const at = rows.findIndex(({ id }) => id === chosen.selected);
  const selected = rows[at];
  const toggle = (row: TreeRow) => {
    const { toggled } = chosen;
    choose({ toggled: toggled.includes(row.id) ? toggled.filter((one) => one !== row.id) : [...toggled, row.id] });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const go = (index: number) => {
      const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
      if (row) choose({ selected: row.id });
    };
    const actions: Record<string, () => void> = {
      ArrowDown: () => {
        go(at + 1);
      },
      ArrowUp: () => {
        go(at - 1);
      },
      PageDown: () => {
        go(at + 20);
      },
      PageUp: () => {
        go(at - 20);
      },
      Home: () => {
        go(0);
      },
      End: () => {
        go(rows.length - 1);
      },
      ArrowRight: () => {
        if (selected?.expandable && !selected.expanded) toggle(selected);
        else go(at + 1);
      },
      ArrowLeft: () => {
        if (selected?.expanded) toggle(selected);
        else go(rows.slice(0, Math.max(0, at)).findLastIndex(({ depth }) => depth < (selected?.depth ?? 0)));
      },
      Enter: () => {
        if (selected?.expandable) toggle(selected);
      },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <>
      {stale && (
        <div class="problem" role="alert">
          <span>{l10n.t('The file was changed since it was read.')}</span>
          <div class="toolbar">
            <Button label={l10n.t('Read again')} appearance="primary" onClick={load} />
          </div>
        </div>
      )}
      <Head
        overview={overview}
        onCommand={(command, target) => {
          void host.request('command', { command, target });
        }}
        onStatistics={() => {
          choose({ selected: '' });
        }}
      />
      {overview.nested && (
        <SizesView
          nested={overview.nested}
          automatic={summary.parameters <= SMALL_MODEL}
          cache={caches.current.kept}
          ask={(signal, onProgress) => host.request('keptShares', undefined, { signal, onProgress })}
        />
      )}
      <div class="columns">
        <section class="tree" aria-label={l10n.t('Tensors')}>
          <TextField
            label={l10n.t('Filter')}
            hideLabel
            placeholder={l10n.t`Filter ${summary.tensorCount} tensors`}
            value={chosen.filter}
            onInput={(filter) => {
              choose({ filter });
            }}
          />
          <VirtualList
            label={l10n.t('Modules and tensors')}
            role="treegrid"
            rows={rows}
            rowHeight={ROW}
            active={at}
            onKeyDown={onKeyDown}
            render={(row) => (
              <Row
                key={row.id}
                row={row}
                share={row.parameters / Math.max(1, summary.parameters)}
                selected={row.id === chosen.selected}
                onClick={() => {
                  choose({ selected: row.id });
                  if (row.expandable) toggle(row);
                }}
              />
            )}
          />
        </section>
        <section class="detail" aria-label={l10n.t('Detail')}>
          {selected ? (
            <Detail
              row={selected}
              tab={chosen.tab}
              caches={caches.current}
              spectra={chosen.spectra}
              onTab={(tab) => {
                choose({ tab });
              }}
              onSpectrum={(name, wanted) => {
                const others = chosen.spectra.filter((one) => one !== name);
                choose({ spectra: wanted ? [...others, name].slice(-MOST_SPECTRA) : others });
              }}
            />
          ) : (
            <>
              <Empty>{l10n.t('Select a tensor to see its values, or a layer to see its spectrum.')}</Empty>
              <StatisticsTable
                key={tableKey}
                bytes={summary.bytes}
                kept={caches.current.checkpoint}
                ask={(onlyKept, signal, onProgress) =>
                  host.request('checkpointStatistics', { onlyKept }, { signal, onProgress })
                }
                onSelect={(tensor) => {
                  choose({ selected: `tensor:${tensor}`, filter: tensor, tab: 'statistics' });
                }}
              />
            </>
          )}
        </section>
      </div>
    </>
  );
}

const newCaches = () => ({
  statistics: new Map<string, TensorStatistics>(),
  spectrum: new Map<string, Spectrum>(),
  spectrumViews: new Map<string, SpectrumChoices>(),
  values: new Map<string, ValueGrid>(),
  kept: new Map<string, KeptShares>(),
  checkpoint: {} as { statistics?: CheckpointStatistics },
});

/** `768 × 3072 F32`. */
const formOf = ({ shape, dtype }: TensorSummary) => `${shape.join(' × ') || l10n.t('scalar')} ${dtype}`;

interface RowProps {
  readonly row: TreeRow;
  /** Share of all parameters. */
  readonly share: number;
  readonly selected: boolean;
  readonly onClick: () => void;
}

function Row({ row, share, selected, onClick }: RowProps) {
  const { module, tensor, fold } = row;
  const what = fold
    ? `${fold.members.length} × ${formatCount(fold.parameters / fold.members.length)}`
    : tensor
      ? formOf(tensor)
      : module?.factors
        ? l10n.t`rank ${module.factors.rank}`
        : '';
  return (
    <div
      class="tree-row"
      role="row"
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={row.expandable ? row.expanded : undefined}
      onClick={onClick}
    >
      <span class="tree-name" role="gridcell" style={{ paddingLeft: `${row.depth * 14 + 4}px` }} title={row.name}>
        <span class="twistie" aria-hidden="true">
          {row.expandable ? (row.expanded ? '▾' : '▸') : ''}
        </span>
        {row.label}
      </span>
      <span class="tree-what" role="gridcell">
        {what}
      </span>
      <span class="tree-count" role="gridcell">
        {formatCount(row.parameters)}
      </span>
      <span class="tree-share" role="gridcell" aria-label={formatShare(share)}>
        <span style={{ width: `${Math.max(1, share * 100)}%` }} />
      </span>
    </div>
  );
}

interface DetailProps {
  readonly row: TreeRow;
  readonly tab: string;
  readonly caches: ReturnType<typeof newCaches>;
  readonly spectra: readonly string[];
  readonly onTab: (tab: string) => void;
  /** Called when a layer's singular values are requested or hidden. */
  readonly onSpectrum: (name: string, wanted: boolean) => void;
}

function Detail({ row, tab, caches, spectra, onTab, onSpectrum }: DetailProps) {
  const { tensor, module, name } = row;
  const automatic = row.parameters <= SMALL;
  const matrix = (tensor && tensor.shape.length >= 2) ?? false;
  const tabs = [
    ...(tensor ? [{ id: 'statistics', label: l10n.t('Statistics') }] : []),
    ...(matrix || module?.factors ? [{ id: 'spectrum', label: l10n.t('Spectrum') }] : []),
    ...(tensor ? [{ id: 'values', label: l10n.t('Values') }] : []),
  ];
  const parameters = row.parameters.toLocaleString('en-US');
  const active = tabs.find(({ id }) => id === tab)?.id ?? tabs[0]?.id ?? '';
  return (
    <>
      <h2>{name}</h2>
      <p class="muted">
        {tensor ? `${formOf(tensor)}, ` : ''}
        {module?.factors
          ? l10n.t('{parameters} parameters: factors of rank {rank} in place of {out} × {in}', {
              parameters,
              rank: module.factors.rank,
              out: module.factors.outFeatures,
              in: module.factors.inFeatures,
            })
          : l10n.t`${parameters} parameters`}
      </p>
      {tabs.length === 0 ? (
        <Empty>
          {row.fold
            ? l10n.t('Layers of the same structure: open them to see what is in each.')
            : l10n.t('A module: open it to see what is in it.')}
        </Empty>
      ) : (
        <Tabs label={l10n.t('What to look at')} tabs={tabs} active={active} onChange={onTab}>
          {active === 'statistics' && (
            <Inspect
              key={`statistics ${name}`}
              subject={name}
              automatic={automatic}
              label={l10n.t('Compute statistics')}
              cache={caches.statistics}
              ask={(signal, onProgress) => host.request('statistics', { tensor: name }, { signal, onProgress })}
            >
              {(statistics) => <StatisticsView statistics={statistics} />}
            </Inspect>
          )}
          {active === 'spectrum' && (
            <Inspect
              key={`spectrum ${name}`}
              subject={name}
              automatic={spectra.includes(name)}
              label={l10n.t('Compute the singular values')}
              cache={caches.spectrum}
              ask={(signal, onProgress) => {
                onSpectrum(name, true);
                return host.request('spectrum', { name }, { signal, onProgress });
              }}
              onCancel={() => {
                onSpectrum(name, false);
              }}
            >
              {(spectrum) => <SpectrumView key={spectrum.name} spectrum={spectrum} kept={caches.spectrumViews} />}
            </Inspect>
          )}
          {active === 'values' && tensor && (
            <ValuesView
              key={name}
              shape={tensor.shape}
              ask={(window, signal) => host.request('values', { tensor: name, window }, { signal })}
            />
          )}
        </Tabs>
      )}
    </>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
