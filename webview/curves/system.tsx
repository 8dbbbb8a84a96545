import * as l10n from '@vscode/l10n';
import { useMemo, useState } from 'preact/hooks';
import type { CurveRun } from '../../core/protocol/curves';
import { formatBytes, formatNumber } from '../../core/protocol/format';
import type { SystemSample } from '../../core/protocol/system';
import {
  numbersOf,
  seriesOf,
  SYSTEM_METRICS,
  unitOf,
  type SystemMetric,
  type SystemSeries,
} from '../../core/protocol/system-series';
import { Button } from '../shared/controls';
import { Table } from '../shared/table';
import { useTheme, type Theme } from '../shared/theme';
import { CurveChart, dashOf, fullRange, type DrawnLine, type Range } from './chart';

interface SystemSectionProps {
  readonly runs: readonly CurveRun[];
  /** By run directory. */
  readonly samples: ReadonlyMap<string, readonly SystemSample[]>;
  readonly hidden: readonly string[];
  /** Words that the title of a chart must contain, in lower case. */
  readonly words: readonly string[];
  readonly open: boolean;
  readonly onToggle: (open: boolean) => void;
}

/** What one run used of one thing. */
interface SystemLine extends DrawnLine {
  readonly run: string;
  readonly series: SystemSeries;
}

/** What the runs and their machines used, over the time since each began; nothing if no run has recorded it. */
export function SystemSection({ runs, samples, hidden, words, open, onToggle }: SystemSectionProps) {
  const [range, setRange] = useState<Range>();
  const theme = useTheme();
  // A series is computed again only when its run has new samples.
  const all = useMemo(
    () =>
      runs.map(({ runDir, name }) => {
        const of = samples.get(runDir) ?? [];
        return { runDir, name, series: seriesOf(of), start: of[0]?.time ?? 0 };
      }),
    [samples, runs.map(({ runDir, name }) => `${runDir}\n${name}`).join('\n')],
  );
  const shown = all.filter(({ runDir, series }) => series.length > 0 && !hidden.includes(runDir));
  const gpus = [...new Set(shown.flatMap(({ series }) => series.flatMap(({ gpu }) => (gpu ? [gpu.index] : []))))];
  gpus.sort((a, b) => a - b);
  const isOne = shown.length === 1;
  const charts = useMemo(
    () =>
      SYSTEM_METRICS.flatMap((metric) => {
        if (!words.every((word) => titleOf(metric).toLowerCase().includes(word))) return [];
        const lines = all.flatMap((run, index) =>
          hidden.includes(run.runDir)
            ? []
            : run.series
                .filter((series) => series.metric === metric)
                .map((series): SystemLine => lineOf(series, run, index, { isOne, gpus, colors: theme.series.length })),
        );
        return lines.length === 0 ? [] : [{ metric, lines }];
      }),
    [all, hidden, words.join(' '), gpus.join(), isOne, theme],
  );
  if (charts.length === 0) return null;
  // Of all charts, also of those whose first value comes late.
  const whole = { ...fullRange(charts.flatMap(({ lines }) => lines)), min: 0 };
  return (
    <details
      class="system"
      open={open}
      onToggle={(event) => {
        const now = event.currentTarget.open;
        if (now !== open) onToggle(now);
      }}
    >
      <summary>
        <h2>{l10n.t('System')}</h2>
        <span class="muted">{l10n.t('What the runs and their machines used, over the time since each began')}</span>
      </summary>
      {open && (
        <>
          {(gpus.length > 1 || range) && (
            <div class="toolbar">
              {gpus.length > 1 && <GpuLegend gpus={gpus} isOne={isOne} theme={theme} />}
              {range && (
                <Button
                  label={l10n.t('Show all of System')}
                  title={l10n.t('Show the whole of the axis')}
                  onClick={() => {
                    setRange(undefined);
                  }}
                />
              )}
            </div>
          )}
          <div class="charts small">
            {charts.map(({ metric, lines }) => (
              <section key={metric} aria-label={titleOf(metric)}>
                <h3>{titleOf(metric)}</h3>
                <CurveChart
                  label={l10n.t`${titleOf(metric)} over time, ${lines.length} lines. Plus and minus zoom, arrows pan, 0 shows all; the table has the numbers.`}
                  lines={lines}
                  marks={NONE}
                  axis="time"
                  axisTitle=""
                  range={range}
                  whole={whole}
                  logY={false}
                  smoothing={0}
                  height={150}
                  limits={LIMITS[metric]}
                  format={FORMATS[metric]}
                  onRange={setRange}
                />
              </section>
            ))}
          </div>
          <SystemNumbers lines={charts.flatMap(({ lines }) => lines)} />
        </>
      )}
    </details>
  );
}

const NONE: readonly never[] = [];

/** One run has a color for each GPU; of several runs, each has a color, and each GPU its dashes. */
function lineOf(
  series: SystemSeries,
  run: { readonly runDir: string; readonly name: string; readonly start: number },
  index: number,
  { isOne, gpus, colors }: { readonly isOne: boolean; readonly gpus: readonly number[]; readonly colors: number },
): SystemLine {
  const { gpu, times, values, breaks } = series;
  const at = gpu ? gpus.indexOf(gpu.index) : 0;
  const byGpu = isOne && gpu !== undefined;
  const color = byGpu ? at : index;
  const name = gpu && gpus.length > 1 ? l10n.t`${run.name}, GPU ${gpu.index}` : run.name;
  return {
    key: `${run.runDir}\n${gpu?.index ?? ''}`,
    name,
    x: Float64Array.from(times, (time) => (time - run.start) / 1000),
    values: Float64Array.from(values),
    breaks,
    color,
    dash: byGpu || !gpu ? Math.floor(color / colors) : at,
    run: run.name,
    series,
  };
}

function titleOf(metric: SystemMetric): string {
  switch (metric) {
    case 'cpu.run':
      return l10n.t('CPU of the run (% of one core)');
    case 'cpu.machine':
      return l10n.t('CPU of the machine (%)');
    case 'memory.run':
      return l10n.t('Memory of the run');
    case 'memory.machine':
      return l10n.t('Memory of the machine');
    case 'gpu.use':
      return l10n.t('GPU use (%)');
    case 'gpu.memory':
      return l10n.t('GPU memory');
    case 'gpu.temperature':
      return l10n.t('GPU temperature');
    case 'gpu.power':
      return l10n.t('GPU power');
    case 'disk.read':
      return l10n.t('Read from disks by the run');
    case 'disk.written':
      return l10n.t('Written to disks by the run');
    case 'disk.free':
      return l10n.t('Free disk space');
  }
}

function format(metric: SystemMetric, value: number): string {
  switch (unitOf(metric)) {
    case '%':
    case '% of a core':
      return `${formatNumber(value, 3)}%`;
    case 'bytes':
      return formatBytes(Math.round(value));
    case 'bytes/s':
      return `${formatBytes(Math.round(value))}/s`;
    case '°C':
      return `${formatNumber(value, 3)} °C`;
    case 'W':
      return `${formatNumber(value, 3)} W`;
  }
}

// One function and one object for each chart, so that a chart is drawn again only when it changes.
const FORMATS = Object.fromEntries(
  SYSTEM_METRICS.map((metric) => [metric, (value: number) => format(metric, value)]),
) as Record<SystemMetric, (value: number) => string>;

const LIMITS = Object.fromEntries(SYSTEM_METRICS.map((metric) => [metric, limitsOf(metric)])) as Record<
  SystemMetric,
  Partial<Range>
>;

/** A share is of 100; the others begin at nothing, where that says something. */
function limitsOf(metric: SystemMetric): Partial<Range> {
  if (unitOf(metric) === '%') return { min: 0, max: 100 };
  return metric === 'disk.free' || metric === 'gpu.temperature' ? {} : { min: 0 };
}

interface GpuLegendProps {
  readonly gpus: readonly number[];
  /** Whether GPUs differ by color, and not by dashes. */
  readonly isOne: boolean;
  readonly theme: Theme;
}

function GpuLegend({ gpus, isOne, theme }: GpuLegendProps) {
  return (
    <ul class="runs" aria-label={l10n.t('GPUs')}>
      {gpus.map((gpu, at) => (
        <li key={gpu}>
          <svg width="28" height="4" aria-hidden="true">
            <line
              x2="28"
              y1="2"
              y2="2"
              stroke-width="3"
              stroke={isOne ? theme.series[at % theme.series.length] : theme.foreground}
              stroke-dasharray={dashOf(isOne ? Math.floor(at / theme.series.length) : at).join(' ')}
            />
          </svg>
          {l10n.t`GPU ${gpu}`}
        </li>
      ))}
    </ul>
  );
}

/** The table alternative to the charts. */
function SystemNumbers({ lines }: { readonly lines: readonly SystemLine[] }) {
  const rows = lines.map((line) => ({ line, numbers: numbersOf(line.series) }));
  type Row = (typeof rows)[number];
  const number = (key: 'mean' | 'max' | 'last', title: string) => ({
    key,
    title,
    numeric: true,
    cell: ({ line, numbers }: Row) => format(line.series.metric, numbers[key]),
  });
  return (
    <Table
      caption={l10n.t('Mean over time, highest and last value of what was used')}
      hideCaption
      rows={rows}
      rowKey={({ line }) => `${line.series.metric}\n${line.key}`}
      columns={[
        { key: 'metric', title: l10n.t('Used'), cell: ({ line }) => titleOf(line.series.metric) },
        { key: 'run', title: l10n.t('Run'), cell: ({ line }) => line.run },
        {
          key: 'gpu',
          title: l10n.t('GPU'),
          cell: ({ line: { series } }) => (series.gpu ? `${series.gpu.index}: ${series.gpu.name}` : '–'),
        },
        number('mean', l10n.t('Mean')),
        number('max', l10n.t('Max')),
        number('last', l10n.t('Last')),
      ]}
    />
  );
}
