import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PanelCommand } from '../../core/protocol/targets';
import type { TradeoffContract, TradeoffRun } from '../../core/protocol/tradeoff';
import type { Chart } from '../shared/chart';
import { Button, Checkbox, Dropdown, Spinner } from '../shared/controls';
import { HeadGroupingView } from '../shared/heads';
import { ExportButtons } from '../shared/export-buttons';
import { connectHost } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { usePanelState } from '../shared/panel-state';
import { Table } from '../shared/table';
import { useTheme } from '../shared/theme';
import '../shared/styles.css';
import { formatAxis, Legend, pictureOf, TradeoffChart, type TradeoffChartProps } from './chart';
import { tableOf } from './export';
import { toSvg } from './svg';
import { axesOf, chooseAxis, difference, sceneOf, spansDecades, type Shown } from './model';
import { RankChart } from './ranks';
import './tradeoff.css';
import { formatNumber } from '../../core/protocol/format';

const host = connectHost<TradeoffContract>();
const initial = {
  // Empty: the first quantity with the right role.
  x: '',
  y: '',
  logX: undefined as boolean | undefined,
  logY: undefined as boolean | undefined,
  front: false,
  selected: '',
  baseline: '',
};

function App() {
  const [runs, setRuns] = useState<readonly TradeoffRun[]>();
  const [error, setError] = useState<unknown>();
  const [chosen, choose] = usePanelState(initial);
  const chart = useRef<Chart<'scatter'> | null>(null);
  const theme = useTheme();

  useEffect(() => {
    host.request('load', undefined).then(setRuns, setError);
    return host.on('changed', setRuns);
  }, []);

  const axes = useMemo(() => axesOf(runs ?? []), [runs]);
  const x = chooseAxis(axes, chosen.x, 'cost');
  const y = chooseAxis(axes, chosen.y, 'quality');
  const scene = useMemo(() => (x && y ? sceneOf(runs ?? [], x, y) : undefined), [runs, x, y]);
  // If values differ by orders of magnitude, only the largest would be visible on a linear axis.
  const logX = chosen.logX ?? spansDecades(scene?.points.map((point) => point.x));
  const logY = chosen.logY ?? spansDecades(scene?.points.map((point) => point.y));
  const selected = scene?.points.find(({ id }) => id === chosen.selected);
  const baseline =
    scene?.points.find(({ id }) => id === chosen.baseline) ??
    scene?.points.find(({ point }) => point.role === 'baseline');

  if (error !== undefined) return <Problem error={error} />;
  if (!runs) return <Spinner label="Reading the runs…" />;

  const run = (command: PanelCommand, { run: { runDir }, point }: Shown) => {
    if (point.checkpoint === undefined) return;
    const target = { kind: 'checkpoint', path: point.checkpoint, runDir } as const;
    host.request('command', { command, target }).catch(setError);
  };
  const open = (point: Shown) => {
    run('inspectCheckpoint', point);
  };
  const chooseRuns = () => {
    host.request('chooseRuns', undefined).then((next) => {
      if (next) setRuns(next);
    }, setError);
  };
  const save = (name: string, content: string | Uint8Array) => {
    host.request('save', { name, content }).catch(setError);
  };
  const table = () => tableOf(scene?.points ?? [], axes);
  const savePng = () => {
    const url = chart.current?.toBase64Image('image/png');
    if (url === undefined) return;
    const bytes = Uint8Array.from(atob(url.slice(url.indexOf(',') + 1)), (character) => character.charCodeAt(0));
    save('trade-off.png', bytes);
  };

  const saveSvg = (props: Pick<TradeoffChartProps, 'scene' | 'x' | 'y' | 'showFront'>) => {
    const picture = chart.current && pictureOf(chart.current, props);
    if (picture) save('trade-off.svg', toSvg(picture));
  };

  const problems = runs.filter(({ problem }) => problem !== undefined);
  return (
    <>
      <div class="toolbar">
        <Dropdown
          label="Y axis"
          value={y?.key ?? ''}
          choices={axes.map(({ key, label }) => ({ value: key, label }))}
          onChange={(key) => {
            choose({ y: key, logY: undefined });
          }}
        />
        <Dropdown
          label="X axis"
          value={x?.key ?? ''}
          choices={axes.map(({ key, label }) => ({ value: key, label }))}
          onChange={(key) => {
            choose({ x: key, logX: undefined });
          }}
        />
        <Checkbox
          label="Log Y"
          checked={logY}
          onChange={(wanted) => {
            choose({ logY: wanted });
          }}
        />
        <Checkbox
          label="Log X"
          checked={logX}
          onChange={(wanted) => {
            choose({ logX: wanted });
          }}
        />
        <Checkbox
          label="Pareto front"
          title="Fill only the Pareto-optimal models: those that no other model beats on both axes"
          checked={chosen.front}
          onChange={(front) => {
            choose({ front });
          }}
        />
        <span class="spread" />
        <Button label="Runs…" title="Choose the runs to show" onClick={chooseRuns} />
      </div>
      {problems.map((problem) => (
        <Empty key={problem.runDir}>{`${problem.name}: ${problem.problem ?? ''}`}</Empty>
      ))}
      {scene && x && y && scene.points.length > 0 && (
        <>
          <Legend scene={scene} theme={theme} />
          <TradeoffChart
            scene={scene}
            x={x}
            y={y}
            logX={logX}
            logY={logY}
            showFront={chosen.front}
            selected={selected}
            baseline={baseline}
            onSelect={({ id }) => {
              choose({ selected: id });
            }}
            onOpen={open}
            onChart={(made) => {
              chart.current = made;
            }}
          />
          {selected ? (
            <>
              <div class="toolbar selection" role="group" aria-label={`Actions on ${selected.point.name}`}>
                <strong>{selected.point.name}</strong>
                {selected.point.checkpoint !== undefined && (
                  <>
                    <Button
                      label="Open Checkpoint"
                      appearance="primary"
                      onClick={() => {
                        open(selected);
                      }}
                    />
                    <Button
                      label="Branch…"
                      onClick={() => {
                        run('branchCheckpoint', selected);
                      }}
                    />
                    {selected.point.ranks && (
                      <Button
                        label="Sample…"
                        onClick={() => {
                          run('sampleCheckpoint', selected);
                        }}
                      />
                    )}
                  </>
                )}
                <Button
                  label={baseline?.id === selected.id ? 'Is the baseline' : 'Set as baseline'}
                  disabled={baseline?.id === selected.id}
                  onClick={() => {
                    choose({ baseline: selected.id });
                  }}
                />
              </div>
              {selected.point.ranks && <RankChart shown={selected} />}
              {selected.point.heads && (
                <section aria-label={`Attention heads of ${selected.point.name}`}>
                  <h2>Attention heads of {selected.point.name}</h2>
                  <HeadGroupingView facts={selected.point.heads} />
                </section>
              )}
            </>
          ) : (
            <Empty>Select a model in the chart or the table to see its details and open its checkpoint.</Empty>
          )}
          <div class="toolbar">
            <h2>All numbers</h2>
            {baseline && <span class="muted">differences to {baseline.point.name}</span>}
            <span class="spread" />
            <ExportButtons name="trade-off" table={table} onSave={save} />
            <Button
              label="SVG"
              title="Save the chart as SVG on white, for papers"
              onClick={() => {
                saveSvg({ scene, x, y, showFront: chosen.front });
              }}
            />
            <Button label="PNG" title="Save the chart as PNG" onClick={savePng} />
          </div>
          <Table
            caption="All models and their numbers"
            hideCaption
            rows={scene.points}
            rowKey={({ id }) => id}
            isSelected={({ id }) => id === selected?.id}
            onActivate={({ id }) => {
              choose({ selected: id });
            }}
            columns={[
              ...(runs.length > 1 ? [{ key: 'run', title: 'Run', cell: ({ run: { name } }: Shown) => name }] : []),
              { key: 'name', title: 'Model', cell: ({ point }) => point.name },
              { key: 'series', title: 'Made by', cell: ({ point }) => point.series },
              ...axes.map((axis) => ({
                key: axis.key,
                title: axis.label,
                numeric: true,
                description: `${axis.better} is better`,
                cell: ({ id, point }: Shown) => {
                  const value = point.values[axis.key];
                  const of = baseline?.point.values[axis.key];
                  if (value === undefined) return '–';
                  const change = of === undefined || id === baseline?.id ? '' : difference(value, of, formatNumber);
                  const deviation = point.spread?.[axis.key];
                  return (
                    <span title={change}>
                      {formatAxis(axis, value)}
                      {deviation !== undefined && <span class="muted"> ± {formatNumber(deviation, 2)}</span>}
                    </span>
                  );
                },
              })),
            ]}
          />
        </>
      )}
    </>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
