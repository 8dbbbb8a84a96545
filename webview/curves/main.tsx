import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CurvesContract, CurveUpdate } from '../../core/protocol/curves';
import { formatNumber } from '../../core/protocol/format';
import { isActive, runStateName } from '../../core/protocol/runs';
import { Button, Checkbox, Dropdown, Spinner, TextField } from '../shared/controls';
import { connectHost } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { usePanelState } from '../shared/panel-state';
import { Table } from '../shared/table';
import { useTheme } from '../shared/theme';
import '../shared/styles.css';
import { CurveChart, labelOf, type Range } from './chart';
import './curves.css';
import { axisTitle, CurveStore, type Line, type XAxis } from './series';
import { statisticsOf } from './statistics';
import { SystemSection } from './system';

/** Maximum number of charts drawn at once; the filter finds the others. */
const MOST_CHARTS = 24;

const host = connectHost<CurvesContract>();
/** The user's choices. */
interface Choices {
  readonly axis: XAxis;
  readonly logY: boolean;
  readonly smoothing: number;
  readonly filter: string;
  /** Directories of the hidden runs. */
  readonly hidden: readonly string[];
  /** Whether the system metrics are unfolded. */
  readonly system: boolean;
}
const initial: Choices = { axis: 'step', logY: false, smoothing: 0, filter: '', hidden: [], system: true };

function App() {
  const store = useRef(new CurveStore()).current;
  const [version, setVersion] = useState(0);
  const [error, setError] = useState<unknown>();
  const [chosen, choose] = usePanelState(initial);
  const [range, setRange] = useState<Range>();
  const theme = useTheme();

  useEffect(() => {
    const take = (update: CurveUpdate) => {
      store.apply(update);
      setVersion((before) => before + 1);
    };
    const stop = host.on('update', take);
    host.request('load', undefined).then(take, setError);
    return stop;
  }, []);

  const { axis, logY, smoothing, filter, hidden } = chosen;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const metrics = useMemo(
    () => store.metrics.filter((metric) => words.every((word) => metric.toLowerCase().includes(word))),
    [version, filter],
  );
  const charts = useMemo(
    () =>
      metrics.slice(0, MOST_CHARTS).map((metric) => ({
        metric,
        lines: store.lines(metric, axis).filter(({ runDir }) => !hidden.includes(runDir)),
        marks: store.phases(metric, axis).filter(({ runDir }) => !hidden.includes(runDir)),
      })),
    [version, metrics, axis, hidden],
  );

  const { runs } = store;
  const nameOf = (runDir: string) => runs.find((run) => run.runDir === runDir)?.name ?? runDir;
  const drawn = useMemo(
    () =>
      charts.map(({ lines }) =>
        lines.map((line) => {
          const at = runs.findIndex((run) => run.runDir === line.runDir);
          const color = Math.max(0, at);
          const dash = Math.floor(color / theme.series.length);
          return { ...line, key: line.runDir, name: nameOf(line.runDir), color, dash };
        }),
      ),
    [charts, theme],
  );
  // The same array while nothing changes, so that its statistics are not recomputed while panning.
  const allLines = useMemo(() => charts.flatMap(({ lines }) => lines), [charts]);

  if (error !== undefined) return <Problem error={error} />;
  if (version === 0) return <Spinner label={l10n.t('Reading the runs…')} />;

  const chooseRuns = () => {
    host.request('chooseRuns', undefined).then((all) => {
      if (!all) return;
      store.clear();
      store.apply(all);
      setRange(undefined);
      setVersion((before) => before + 1);
    }, setError);
  };
  const live = runs.some(({ state }) => state !== 'gone' && isActive(state));
  const readAt = new Date(store.readAt).toLocaleTimeString();

  return (
    <>
      <div class="toolbar">
        <Dropdown
          label={l10n.t('X axis')}
          value={axis}
          choices={(['step', 'time', 'tokens'] as const).map((value) => ({ value, label: axisTitle(value, runs) }))}
          onChange={(next) => {
            setRange(undefined);
            choose({ axis: next });
          }}
        />
        <Dropdown
          label={l10n.t('Smooth')}
          value={String(smoothing)}
          choices={[
            { value: '0', label: l10n.t('None') },
            { value: '0.6', label: l10n.t('A little') },
            { value: '0.9', label: l10n.t('More') },
            { value: '0.98', label: l10n.t('Much') },
          ]}
          onChange={(next) => {
            choose({ smoothing: Number(next) });
          }}
        />
        <Checkbox
          label={l10n.t({ message: 'Log', comment: 'Logarithmic axis' })}
          checked={logY}
          onChange={(next) => {
            choose({ logY: next });
          }}
        />
        <TextField
          label={l10n.t('Metrics')}
          hideLabel
          placeholder={l10n.t('Filter metrics')}
          value={filter}
          onInput={(next) => {
            choose({ filter: next });
          }}
        />
        {range && (
          <Button
            label={l10n.t('Show all')}
            title={l10n.t('Show the whole of the axis')}
            onClick={() => {
              setRange(undefined);
            }}
          />
        )}
        <span class="spread muted" title={l10n.t('When the event logs were last read')}>
          {live ? l10n.t`live · read ${readAt}` : l10n.t`read ${readAt}`}
        </span>
        <Button label={l10n.t('Runs…')} title={l10n.t('Choose the runs to show')} onClick={chooseRuns} />
      </div>
      <ul class="runs" aria-label={l10n.t('Runs')}>
        {runs.map((run, index) => (
          <li key={run.runDir}>
            <Checkbox
              label={`${run.name} (${runStateName(run.state)})`}
              checked={!hidden.includes(run.runDir)}
              onChange={(show) => {
                choose({ hidden: show ? hidden.filter((dir) => dir !== run.runDir) : [...hidden, run.runDir] });
              }}
            />
            <svg width="28" height="4" aria-hidden="true">
              <rect width="28" height="4" fill={theme.series[index % theme.series.length]} />
            </svg>
            {run.reason !== '' && run.state !== 'done' && <span class="muted">{run.reason}</span>}
          </li>
        ))}
      </ul>
      {charts.length === 0 && (
        <Empty>
          {store.metrics.length > 0
            ? l10n.t('No metric name contains this text.')
            : live
              ? l10n.t('No metric yet; the run is starting.')
              : l10n.t('The run recorded no metrics.')}
        </Empty>
      )}
      <div class={charts.length === 1 ? 'charts one' : 'charts'}>
        {charts.map(({ metric, lines, marks }, index) => (
          <section key={metric} aria-label={metric}>
            <h2>{metric}</h2>
            {lines.length === 0 ? (
              <Empty>{l10n.t('Not counted in this unit.')}</Empty>
            ) : (
              <CurveChart
                label={labelOf(metric, axis, lines.length)}
                lines={drawn[index] ?? []}
                marks={marks}
                axis={axis}
                axisTitle={axisTitle(axis, runs)}
                range={range}
                logY={logY}
                smoothing={smoothing}
                height={charts.length === 1 ? 420 : 220}
                onRange={setRange}
              />
            )}
          </section>
        ))}
      </div>
      {metrics.length > MOST_CHARTS && (
        <Empty>{l10n.t`${metrics.length - MOST_CHARTS} more metrics: use the filter to find them.`}</Empty>
      )}
      {charts.length > 0 && <Numbers lines={allLines} nameOf={nameOf} />}
      <SystemSection
        runs={runs}
        samples={store.system}
        hidden={hidden}
        words={words}
        open={chosen.system}
        onToggle={(system) => {
          choose({ system });
        }}
      />
    </>
  );
}

/** The table alternative to the charts. It shows raw values, regardless of smoothing. */
function Numbers({ lines, nameOf }: { readonly lines: readonly Line[]; readonly nameOf: (runDir: string) => string }) {
  const rows = useMemo(() => lines.map((line) => ({ line, numbers: statisticsOf(line) })), [lines]);
  type Row = (typeof rows)[number];
  const number = (key: string, title: string, pick: (row: Row) => number) => ({
    key,
    title,
    numeric: true,
    cell: (row: Row) => formatNumber(pick(row)),
  });
  return (
    <>
      <h2>{l10n.t('Numbers')}</h2>
      <Table
        caption={l10n.t('Last, lowest, highest and best value of each metric')}
        hideCaption
        rows={rows}
        rowKey={({ line }) => `${line.metric}\n${line.runDir}`}
        columns={[
          { key: 'metric', title: l10n.t('Metric'), cell: ({ line }) => line.metric },
          { key: 'run', title: l10n.t('Run'), cell: ({ line }) => nameOf(line.runDir) },
          number('last', l10n.t('Last'), ({ numbers }) => numbers.last),
          number('min', l10n.t('Min'), ({ numbers }) => numbers.min),
          number('max', l10n.t('Max'), ({ numbers }) => numbers.max),
          {
            key: 'best',
            title: l10n.t('Best'),
            numeric: true,
            description: l10n.t(
              'The lowest value of a loss or an error, the highest of an accuracy; decided by the name of the metric',
            ),
            cell: ({ numbers: { best } }) => (best ? l10n.t`${formatNumber(best.value)} at step ${best.step}` : '–'),
          },
          number('points', l10n.t('Points'), ({ numbers }) => numbers.points),
          {
            key: 'broken',
            title: l10n.t('NaN/Inf'),
            numeric: true,
            cell: ({ numbers }) => (numbers.broken > 0 ? <strong class="broken">{numbers.broken}</strong> : '0'),
          },
        ]}
      />
    </>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
