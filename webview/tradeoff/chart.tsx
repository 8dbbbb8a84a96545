import * as l10n from '@vscode/l10n';
import type { ActiveElement, ChartConfiguration, ChartEvent, Plugin, PointStyle } from 'chart.js';
import { useMemo, useRef } from 'preact/hooks';
import type { TradeoffAxis } from '../../core/protocol/tradeoff';
import { formatNumber, formatCount } from '../../core/protocol/format';
import { axisColors, ChartView, tooltipColors, type Chart } from '../shared/chart';
import { drawPointNames } from '../shared/point-names';
import { PAPER_COLORS, type Theme } from '../shared/theme';
import { errorBars, reachOf } from './error-bars';
import { difference, type Scene, type Series, type Shown } from './model';
import type { Picture } from './svg';
import { useZoom } from './use-zoom';

export interface TradeoffChartProps {
  readonly scene: Scene;
  readonly x: TradeoffAxis;
  readonly y: TradeoffAxis;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly showFront: boolean;
  readonly selected: Shown | undefined;
  readonly baseline: Shown | undefined;
  readonly onSelect: (point: Shown) => void;
  readonly onOpen: (point: Shown) => void;
  readonly onChart: (chart: Chart<'scatter'> | null) => void;
}

interface Dot {
  readonly x: number;
  readonly y: number;
  readonly shown: Shown;
}

/**
 * A series with more points than `MANY` has small points that are not joined; a chart with more than `LABELED` shows no
 * names.
 */
const MANY = 200;
const LABELED = 60;

const STYLES: readonly PointStyle[] = ['circle', 'triangle', 'rect', 'rectRot', 'star', 'crossRot'];
const DASHES: readonly number[][] = [[], [6, 4], [2, 3], [10, 4, 2, 4]];

export const formatAxis = (axis: TradeoffAxis, value: number): string => {
  const shown = Math.abs(value) >= 10_000 ? formatCount(value) : formatNumber(value);
  return axis.unit === '' ? shown : axis.unit === '%' ? `${shown}%` : `${shown} ${axis.unit}`;
};

function titleOf({ label, unit, better }: TradeoffAxis): string {
  const quantity = unit === '' ? label : `${label} (${unit})`;
  return better === 'lower' ? l10n.t`${quantity} — lower is better` : l10n.t`${quantity} — higher is better`;
}

/** Any quantity against any other. The arrow keys move between points; Enter opens one. */
export function TradeoffChart(props: TradeoffChartProps) {
  const { scene, x, y, logX, logY, showFront, selected, baseline } = props;
  // Chart.js keeps the callbacks of the first configuration, so they read the current props from here.
  const now = useRef(props);
  now.current = props;
  const { view, chart, handlers } = useZoom(`${x.key} ${y.key} ${logX} ${logY}`, { x: logX, y: logY });

  const config = useMemo(() => {
    return (theme: Theme): ChartConfiguration<'scatter'> => ({
      type: 'scatter',
      data: { datasets: scene.series.flatMap((series, index) => datasetsOf(series, index, theme, props)) },
      options: {
        layout: { padding: { top: 16, right: 24 } },
        interaction: { mode: 'nearest', intersect: true },
        scales: {
          x: {
            type: logX ? 'logarithmic' : 'linear',
            ...(logX ? {} : reachOf(scene, x.key, ({ x: at }) => at)),
            ...view.current?.x,
            ...axisColors(theme, titleOf(x)),
            ticks: { ...axisColors(theme, '').ticks, maxTicksLimit: 9, callback: (value) => formatAxis(x, +value) },
          },
          y: {
            type: logY ? 'logarithmic' : 'linear',
            ...(logY ? {} : reachOf(scene, y.key, ({ y: at }) => at)),
            ...view.current?.y,
            ...axisColors(theme, titleOf(y)),
            ticks: { ...axisColors(theme, '').ticks, maxTicksLimit: 8, callback: (value) => formatAxis(y, +value) },
          },
        },
        plugins: {
          tooltip: {
            ...tooltipColors(theme),
            callbacks: {
              title: ([item]) => shownOf(item?.raw)?.point.name ?? '',
              label: (item) => describe(shownOf(item.raw), x, y, baseline),
            },
          },
        },
        onClick: (_event: ChartEvent, elements: ActiveElement[], chart) => {
          const dot = dotAt(chart as unknown as Chart<'scatter'>, elements);
          if (dot) now.current.onSelect(dot);
        },
      },
      plugins: [errorBars(scene, x.key, y.key, theme), labels(scene, theme, () => now.current)],
    });
  }, [scene, x, y, logX, logY, showFront, selected?.id, baseline?.id]);

  const step = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && selected) {
      event.preventDefault();
      props.onOpen(selected);
      return;
    }
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined || scene.points.length === 0) return;
    event.preventDefault();
    const order = [...scene.points].sort((a, b) => a.x - b.x || a.y - b.y);
    const at = order.findIndex(({ id }) => id === selected?.id);
    const next = order[(at + by + order.length) % order.length];
    if (next) props.onSelect(next);
  };

  return (
    <div
      class="tradeoff-chart"
      {...handlers}
      onKeyDown={(event) => {
        handlers.onKeyDown(event);
        step(event);
      }}
      onDblClick={() => {
        if (selected) props.onOpen(selected);
      }}
    >
      <ChartView
        label={l10n.t`${y.label} against ${x.label}: ${scene.points.length} models. Arrow keys move between them, Enter opens one; plus and minus zoom, 0 shows all; the table below has the numbers.`}
        config={config}
        height={420}
        onChart={(made) => {
          chart.current = made;
          props.onChart(made);
        }}
      />
    </div>
  );
}

const shownOf = (raw: unknown): Shown | undefined => (raw as Dot | undefined)?.shown;

function dotAt(chart: Chart<'scatter'>, elements: readonly ActiveElement[]): Shown | undefined {
  const [first] = elements;
  return first && shownOf(chart.data.datasets[first.datasetIndex]?.data[first.index]);
}

function describe(shown: Shown | undefined, x: TradeoffAxis, y: TradeoffAxis, baseline: Shown | undefined): string[] {
  if (!shown) return [];
  const line = (axis: TradeoffAxis, value: number, of: number | undefined) => {
    const change = of === undefined || baseline?.id === shown.id ? '' : `   ${difference(value, of, formatNumber)}`;
    return `${axis.label}: ${formatAxis(axis, value)}${change}`;
  };
  return [shown.run.name, line(x, shown.x, baseline?.x), line(y, shown.y, baseline?.y)];
}

/** What is hollow needs an inside, which crosses have not. */
const styleOf = ({ between }: Series, index: number): PointStyle =>
  between ? 'circle' : (STYLES[index % STYLES.length] ?? 'circle');

const isJoined = ({ role, between }: Series) => role !== 'baseline' && !between;

type Dataset = ChartConfiguration<'scatter'>['data']['datasets'][number];

/** A series as Chart.js datasets: one, or for many points one per style, because per-point styles are slow. */
function datasetsOf(series: Series, index: number, theme: Theme, props: TradeoffChartProps): Dataset[] {
  const { scene, showFront, selected } = props;
  const color = series.role === 'baseline' ? theme.foreground : (theme.series[index % theme.series.length] ?? '');
  const many = series.points.length > MANY;
  const common = {
    label: series.label,
    showLine: isJoined(series) && !many,
    borderColor: color,
    borderWidth: series.role === 'member' ? 2 : 1,
    borderDash: DASHES[index % DASHES.length] ?? [],
    pointStyle: styleOf(series, index),
    pointHoverRadius: 8,
    pointHitRadius: 6,
  };
  const look = (isSelected: boolean, faded: boolean) => ({
    pointRadius: isSelected ? 8 : many ? 2 : 5,
    pointBorderWidth: isSelected ? 3 : 1.5,
    pointBorderColor: isSelected ? theme.focus : color,
    pointBackgroundColor: faded ? theme.background : color,
  });
  const isSelected = ({ id }: Shown) => id === selected?.id;
  const faded = ({ id }: Shown) => series.between || (showFront && !scene.front.has(id));
  const dotsOf = (points: readonly Shown[]): Dot[] => points.map((shown) => ({ x: shown.x, y: shown.y, shown }));
  if (many)
    return [
      { points: series.points.filter((shown) => !isSelected(shown) && faded(shown)), ...look(false, true) },
      { points: series.points.filter((shown) => !isSelected(shown) && !faded(shown)), ...look(false, false) },
      { points: series.points.filter(isSelected), ...look(true, false) },
    ].flatMap(({ points, ...own }) => (points.length > 0 ? [{ ...common, ...own, data: dotsOf(points) }] : []));
  const looks = series.points.map((shown) => look(isSelected(shown), faded(shown)));
  return [
    {
      ...common,
      data: dotsOf(series.points),
      pointRadius: looks.map(({ pointRadius }) => pointRadius),
      pointBorderWidth: looks.map(({ pointBorderWidth }) => pointBorderWidth),
      pointBorderColor: looks.map(({ pointBorderColor }) => pointBorderColor),
      pointBackgroundColor: looks.map(({ pointBackgroundColor }) => pointBackgroundColor),
    },
  ];
}

/** The chart as shown on screen, for export. */
export function pictureOf(
  chart: Chart<'scatter'>,
  { scene, x, y, showFront }: Pick<TradeoffChartProps, 'scene' | 'x' | 'y' | 'showFront'>,
): Picture | undefined {
  const { x: scaleX, y: scaleY } = chart.scales;
  if (!scaleX || !scaleY) return undefined;
  const axis = (scale: typeof scaleX, title: string) => ({
    title,
    ticks: scale.ticks.map(({ value, label }) => ({
      pixel: scale.getPixelForValue(value),
      label: Array.isArray(label) ? label.join(' ') : (label ?? ''),
    })),
  });
  return {
    title: l10n.t`${y.label} against ${x.label}`,
    width: chart.width,
    height: chart.height,
    area: chart.chartArea,
    x: axis(scaleX, titleOf(x)),
    y: axis(scaleY, titleOf(y)),
    series: scene.series.map((series, index) => ({
      label: series.label,
      color: series.role === 'baseline' ? '#222222' : (PAPER_COLORS[index % PAPER_COLORS.length] ?? '#222222'),
      dashes: DASHES[index % DASHES.length] ?? [],
      width: series.role === 'member' ? 2 : 1,
      style: styleOf(series, index),
      joined: isJoined(series) && series.points.length <= MANY,
      points: series.points.map((shown) => ({
        x: scaleX.getPixelForValue(shown.x),
        y: scaleY.getPixelForValue(shown.y),
        filled: !series.between && (!showFront || scene.front.has(shown.id)),
        ...(series.role !== 'control' && scene.points.length <= LABELED && { name: shown.point.name }),
      })),
    })),
  };
}

/** Names next to the family's points, if they do not overlap. */
function labels(scene: Scene, theme: Theme, now: () => TradeoffChartProps): Plugin<'scatter'> {
  return {
    id: 'labels',
    /** A line across the chart at the baseline, with which everything is compared. */
    beforeDatasetsDraw({ ctx, chartArea, scales }) {
      const { baseline } = now();
      const at = baseline && scales.y?.getPixelForValue(baseline.y);
      if (at === undefined || Number.isNaN(at)) return;
      ctx.save();
      ctx.strokeStyle = theme.muted;
      ctx.setLineDash([2, 4]);
      ctx.beginPath();
      ctx.moveTo(chartArea.left, at);
      ctx.lineTo(chartArea.right, at);
      ctx.stroke();
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      if (scene.points.length > LABELED) return;
      const named = scene.series.flatMap((series, index) => {
        const { data } = chart.getDatasetMeta(index);
        return series.points.flatMap((shown, at) => {
          const element = data[at];
          if (!element || (series.role === 'control' && shown.id !== now().selected?.id)) return [];
          return [{ name: shown.point.name, x: element.x, y: element.y }];
        });
      });
      drawPointNames(chart, named, theme);
    },
  };
}

interface LegendProps {
  readonly scene: Scene;
  readonly theme: Theme;
}

/** The legend, in the order and the style of the chart. */
export function Legend({ scene, theme }: LegendProps) {
  return (
    <ul class="legend" aria-label={l10n.t('Legend')}>
      {scene.series.map((series, index) => {
        const color = series.role === 'baseline' ? theme.foreground : (theme.series[index % theme.series.length] ?? '');
        return (
          <li key={series.label}>
            <svg width="34" height="12" aria-hidden="true">
              {isJoined(series) && (
                <line
                  x1="0"
                  y1="6"
                  x2="34"
                  y2="6"
                  stroke={color}
                  stroke-width={series.role === 'member' ? 2 : 1}
                  stroke-dasharray={(DASHES[index % DASHES.length] ?? []).join(' ')}
                />
              )}
              <Mark style={styleOf(series, index)} color={color} hollow={series.between} />
            </svg>
            {series.label}
          </li>
        );
      })}
    </ul>
  );
}

interface MarkProps {
  readonly style: PointStyle;
  readonly color: string;
  readonly hollow: boolean;
}

function Mark({ style, color, hollow }: MarkProps) {
  const paint = hollow ? { fill: 'none', stroke: color, 'stroke-width': 1.5 } : { fill: color };
  switch (style) {
    case 'triangle':
      return <path d="M17 1 L22 10 L12 10 Z" {...paint} />;
    case 'rect':
      return <rect x="13" y="2" width="8" height="8" {...paint} />;
    case 'rectRot':
      return <path d="M17 0.5 L22.5 6 L17 11.5 L11.5 6 Z" {...paint} />;
    case 'star':
    case 'crossRot':
      return <path d="M13 2 L21 10 M21 2 L13 10 M17 1 L17 11 M12 6 L22 6" stroke={color} stroke-width="1.5" />;
    default:
      return <circle cx="17" cy="6" r="4.5" {...paint} />;
  }
}
