import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PanelCommand } from '../../core/protocol/targets';
import type { AskedSize, TradeoffContract, TradeoffRun } from '../../core/protocol/tradeoff';
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
import { axesOf, chooseAxis, difference, sceneOf, spansDecades, withEvaluated, type Shown } from './model';
import { RankChart } from './ranks';
import { isNested, Sizes } from './sizes';
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
  /** The parameters of the size of each nested model that the slider is at. */
  sizes: {} as Readonly<Record<string, number>>,
};

function App() {
  const [loaded, setRuns] = useState<readonly TradeoffRun[]>();
  const runs = useMemo(() => loaded && withEvaluated(loaded), [loaded]);
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
  if (!runs) return <Spinner label={l10n.t('Reading the runs…')} />;

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
  const evaluateSize = async (shown: Shown, size: AskedSize, signal: AbortSignal) => {
    const found = await host.request('evaluateSize', size, { signal });
    setRuns((before) =>
      before?.map((one) =>
        one.runDir === shown.run.runDir
          ? { ...one, evaluated: [...(one.evaluated ?? []).filter((other) => !isSameSize(other, found)), found] }
          : one,
      ),
    );
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
          label={l10n.t('Y axis')}
          value={y?.key ?? ''}
          choices={axes.map(({ key, label }) => ({ value: key, label }))}
          onChange={(key) => {
            choose({ y: key, logY: undefined });
          }}
        />
        <Dropdown
          label={l10n.t('X axis')}
          value={x?.key ?? ''}
          choices={axes.map(({ key, label }) => ({ value: key, label }))}
          onChange={(key) => {
            choose({ x: key, logX: undefined });
          }}
        />
        <Checkbox
          label={l10n.t('Log Y')}
          checked={logY}
          onChange={(wanted) => {
            choose({ logY: wanted });
          }}
        />
        <Checkbox
          label={l10n.t('Log X')}
          checked={logX}
          onChange={(wanted) => {
            choose({ logX: wanted });
          }}
        />
        <Checkbox
          label={l10n.t('Pareto front')}
          title={l10n.t('Fill only the Pareto-optimal models: those that no other model beats on both axes')}
          checked={chosen.front}
          onChange={(front) => {
            choose({ front });
          }}
        />
        <span class="spread" />
        <Button label={l10n.t('Runs…')} title={l10n.t('Choose the runs to show')} onClick={chooseRuns} />
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
              <div class="toolbar selection" role="group" aria-label={l10n.t`Actions on ${selected.point.name}`}>
                <strong>{selected.point.name}</strong>
                {selected.point.checkpoint !== undefined && (
                  <>
                    <Button
                      label={l10n.t('Open Checkpoint')}
                      appearance="primary"
                      onClick={() => {
                        open(selected);
                      }}
                    />
                    <Button
                      label={l10n.t({ message: 'Branch…', comment: 'Verb: start a new experiment from a checkpoint' })}
                      onClick={() => {
                        run('branchCheckpoint', selected);
                      }}
                    />
                    {selected.point.ranks && (
                      <Button
                        label={l10n.t({ message: 'Sample…', comment: 'Verb: let the model continue a prompt' })}
                        onClick={() => {
                          run('sampleCheckpoint', selected);
                        }}
                      />
                    )}
                  </>
                )}
                <Button
                  label={baseline?.id === selected.id ? l10n.t('Is the baseline') : l10n.t('Set as baseline')}
                  disabled={baseline?.id === selected.id}
                  onClick={() => {
                    choose({ baseline: selected.id });
                  }}
                />
              </div>
              {selected.point.ranks && <RankChart shown={selected} />}
              {selected.point.heads && (
                <section aria-label={l10n.t`Attention heads of ${selected.point.name}`}>
                  <h2>{l10n.t`Attention heads of ${selected.point.name}`}</h2>
                  <HeadGroupingView facts={selected.point.heads} />
                </section>
              )}
            </>
          ) : (
            <Empty>
              {l10n.t('Select a model in the chart or the table to see its details and open its checkpoint.')}
            </Empty>
          )}
          {scene.points.filter(isNested).map((nested) => (
            <Sizes
              key={nested.id}
              nested={nested}
              axes={axes}
              chosen={chosen.sizes[nested.id]}
              onChoose={(parameters) => {
                choose({ sizes: { ...chosen.sizes, [nested.id]: parameters } });
              }}
              evaluated={nested.run.evaluated ?? []}
              evaluate={(size, signal) => evaluateSize(nested, size, signal)}
              save={(size, signal) => host.request('saveSize', size, { signal })}
              onCopy={(text) => {
                host.request('copy', { text }).catch(setError);
              }}
            />
          ))}
          <div class="toolbar">
            <h2>{l10n.t('All numbers')}</h2>
            {baseline && <span class="muted">{l10n.t`differences to ${baseline.point.name}`}</span>}
            <span class="spread" />
            <ExportButtons name="trade-off" table={table} onSave={save} />
            <Button
              label="SVG"
              title={l10n.t('Save the chart as SVG on white, for papers')}
              onClick={() => {
                saveSvg({ scene, x, y, showFront: chosen.front });
              }}
            />
            <Button label="PNG" title={l10n.t('Save the chart as PNG')} onClick={savePng} />
          </div>
          <Table
            caption={l10n.t('All models and their numbers')}
            hideCaption
            rows={scene.points}
            rowKey={({ id }) => id}
            isSelected={({ id }) => id === selected?.id}
            onActivate={({ id }) => {
              choose({ selected: id });
            }}
            columns={[
              ...(runs.length > 1
                ? [{ key: 'run', title: l10n.t('Run'), cell: ({ run: { name } }: Shown) => name }]
                : []),
              { key: 'name', title: l10n.t('Model'), cell: ({ point }) => point.name },
              { key: 'series', title: l10n.t('Made by'), cell: ({ point }) => point.series },
              ...axes.map((axis) => ({
                key: axis.key,
                title: axis.label,
                numeric: true,
                description: axis.better === 'lower' ? l10n.t('lower is better') : l10n.t('higher is better'),
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

const isSameSize = (a: AskedSize, b: AskedSize) => a.checkpoint === b.checkpoint && a.parameters === b.parameters;

const root = document.getElementById('root');
if (root) render(<App />, root);
