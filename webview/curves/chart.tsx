import * as l10n from '@vscode/l10n';
import type { ChartConfiguration, Plugin } from 'chart.js';
import { useMemo, useRef, useState } from 'preact/hooks';
import { formatCount, formatDuration, formatNumber } from '../../core/protocol/format';
import { axisColors, ChartView, type Chart } from '../shared/chart';
import type { Theme } from '../shared/theme';
import { bands, drawDecimated, extent, isDense, lowerBound, smooth, type Outline, type Pen } from './decimate';
import type { Line, PhaseMark, XAxis } from './series';
import { timeTicks } from './time-ticks';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A line as it is drawn. */
export interface DrawnLine extends Pick<Line, 'x' | 'values' | 'breaks'> {
  readonly key: string;
  /** What the readout calls it. */
  readonly name: string;
  /** Index of its color, and of its dashes, which tell lines of one color apart. */
  readonly color: number;
  readonly dash: number;
  /** The step of each point, where it has any. */
  readonly steps?: Float64Array;
}

interface CurveChartProps {
  /** For who does not see it: what the chart shows. */
  readonly label: string;
  readonly lines: readonly DrawnLine[];
  readonly marks: readonly PhaseMark[];
  readonly axis: XAxis;
  readonly axisTitle: string;
  /** The visible part of the axis; undefined for all of it. */
  readonly range: Range | undefined;
  readonly logY: boolean;
  /** Weight of past values in the smoothed line; 0 for no smoothing. */
  readonly smoothing: number;
  readonly height: number;
  /** Limits of the axis of values that do not depend on the values. */
  readonly limits?: Partial<Range>;
  /** All of the axis; what the lines cover if it is not given. */
  readonly whole?: Range;
  /** How a value is written; with four digits if it is not given. */
  readonly format?: (value: number) => string;
  readonly onRange: (range: Range | undefined) => void;
}

const formatValue = (value: number) => formatNumber(value);
const formatTick = (value: number) => (Math.abs(value) >= 10_000 ? formatCount(value) : formatNumber(value, 3));

export const formatX = (axis: XAxis, value: number) => (axis === 'time' ? formatDuration(value) : formatCount(value));

/** The part of the axis that the lines cover. */
export function fullRange(lines: readonly Pick<Line, 'x'>[]): Range {
  let min = Infinity;
  let max = -Infinity;
  for (const { x } of lines) {
    min = Math.min(min, x[0] ?? Infinity);
    max = Math.max(max, x.at(-1) ?? -Infinity);
  }
  if (min > max) return { min: 0, max: 1 };
  return min === max ? { min: min - 1, max: max + 1 } : { min, max };
}

/** The pointer's position: pixels from the left, and the value on the axis. */
interface Hover {
  readonly pixel: number;
  readonly x: number;
}

/**
 * One metric of some runs. Chart.js draws the axes. The lines are drawn directly from typed arrays, a few points per column
 * of pixels, because a million objects would be too slow for panning.
 */
export function CurveChart(props: CurveChartProps) {
  const { lines, axis, range, logY, smoothing, height, limits, format = formatValue } = props;
  const [pixel, setPixel] = useState<number>();
  const chart = useRef<Chart<'line'> | null>(null);
  const drag = useRef<{ from: number; pan: boolean; range: Range }>(undefined);
  const full = useMemo(() => props.whole ?? fullRange(lines), [lines, props.whole?.min, props.whole?.max]);
  const shown = range ?? full;
  // Computed from the current range, since zooming changes what is under the pointer.
  const hover = pixel === undefined ? undefined : hoverAt(pixel, shown, chart.current?.chartArea);
  const now = useRef({ ...props, hover });
  now.current = { ...props, hover };
  const smoothed = useMemo(
    () => (smoothing > 0 ? lines.map(({ values, breaks }) => smooth(values, breaks, smoothing)) : undefined),
    [lines, smoothing],
  );
  const config = useMemo(() => {
    const span = lines.map((line) => extent(line, shown, logY)).filter((found) => found !== undefined);
    const low = Math.min(...span.map(({ min }) => min));
    const high = Math.max(...span.map(({ max }) => max));
    const pad = logY ? 0 : (high - low || Math.abs(high) || 1) * 0.05;
    const fitted = span.length > 0 ? { min: low - pad, max: high + pad } : { min: logY ? 0.1 : 0, max: 1 };
    const bounds = { ...fitted, ...limits };
    return (theme: Theme): ChartConfiguration<'line'> => ({
      type: 'line',
      data: { datasets: [] },
      options: {
        events: [],
        scales: {
          x: {
            type: 'linear',
            ...shown,
            ...(axis === 'time' && {
              afterBuildTicks: (scale: { ticks: { value: number }[] }) => {
                scale.ticks = timeTicks(shown, height < 200 ? 4 : 7).map((value) => ({ value }));
              },
            }),
            ...axisColors(theme, props.axisTitle),
            ticks: {
              ...axisColors(theme, '').ticks,
              maxTicksLimit: 7,
              maxRotation: 0,
              // Whole minutes and hours, as far as they are.
              callback: (value) => formatX(axis, +value).replace(/ 0+ (s|min|h)$/, ''),
            },
          },
          y: {
            type: logY ? 'logarithmic' : 'linear',
            ...bounds,
            ...axisColors(theme, ''),
            ticks: {
              ...axisColors(theme, '').ticks,
              maxTicksLimit: 6,
              callback: (value) => (props.format ? format(+value) : formatTick(+value)),
            },
          },
        },
      },
      plugins: [painter(theme, () => now.current, smoothed)],
    });
  }, [lines, smoothed, shown.min, shown.max, axis, props.axisTitle, logY]);

  const toX = (clientX: number): number => {
    const made = chart.current;
    if (!made) return 0;
    return made.scales.x?.getValueForPixel(clientX - made.canvas.getBoundingClientRect().left) ?? 0;
  };
  const zoom = (factor: number, at: number) => {
    const next = { min: at - (at - shown.min) * factor, max: at + (shown.max - at) * factor };
    const { min, max } = { min: Math.max(full.min, next.min), max: Math.min(full.max, next.max) };
    props.onRange(min <= full.min && max >= full.max ? undefined : { min, max });
  };
  const pan = (from: Range, by: number) => {
    const width = from.max - from.min;
    const min = Math.max(full.min, Math.min(full.max - width, from.min + by));
    props.onRange({ min, max: min + width });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const middle = (shown.min + shown.max) / 2;
    const step = (shown.max - shown.min) / 10;
    const actions: Record<string, () => void> = {
      '+': () => {
        zoom(0.5, middle);
      },
      '=': () => {
        zoom(0.5, middle);
      },
      '-': () => {
        zoom(2, middle);
      },
      '0': () => {
        props.onRange(undefined);
      },
      ArrowLeft: () => {
        pan(shown, -step);
      },
      ArrowRight: () => {
        pan(shown, step);
      },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <div
      class="curve-chart"
      onKeyDown={onKeyDown}
      onDblClick={() => {
        props.onRange(undefined);
      }}
      onWheel={(event) => {
        if (event.ctrlKey || event.shiftKey || document.activeElement === chart.current?.canvas) {
          event.preventDefault();
          zoom(event.deltaY > 0 ? 1.25 : 0.8, toX(event.clientX));
        }
      }}
      onPointerDown={(event) => {
        chart.current?.canvas.focus();
        drag.current = { from: event.clientX, pan: event.shiftKey || event.button === 1, range: shown };
        (event.currentTarget as Element).setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const made = chart.current;
        if (!made) return;
        if (drag.current?.pan) {
          const perPixel = (shown.max - shown.min) / (made.chartArea.right - made.chartArea.left);
          pan(drag.current.range, (drag.current.from - event.clientX) * perPixel);
          return;
        }
        const at = event.clientX - made.canvas.getBoundingClientRect().left;
        setPixel(at);
        now.current = { ...now.current, hover: hoverAt(at, shown, made.chartArea) };
        made.draw();
      }}
      onPointerUp={(event) => {
        const started = drag.current;
        drag.current = undefined;
        if (!started || started.pan || Math.abs(event.clientX - started.from) < 5) return;
        const [a, b] = [toX(started.from), toX(event.clientX)];
        props.onRange({ min: Math.max(full.min, Math.min(a, b)), max: Math.min(full.max, Math.max(a, b)) });
      }}
      onPointerLeave={() => {
        setPixel(undefined);
        now.current = { ...now.current, hover: undefined };
        chart.current?.draw();
      }}
    >
      <ChartView
        label={props.label}
        config={config}
        height={height}
        onChart={(made) => {
          chart.current = made;
        }}
      />
      {hover && <Readout {...props} hover={hover} />}
    </div>
  );
}

/** What the chart shows, for who does not see it. */
export function labelOf(metric: string, axis: XAxis, runs: number): string {
  switch (axis) {
    case 'step':
      return l10n.t`${metric} over step for ${runs} runs. Plus and minus zoom, arrows pan, 0 shows all; the table has the numbers.`;
    case 'time':
      return l10n.t`${metric} over time for ${runs} runs. Plus and minus zoom, arrows pan, 0 shows all; the table has the numbers.`;
    case 'tokens':
      return l10n.t`${metric} over tokens for ${runs} runs. Plus and minus zoom, arrows pan, 0 shows all; the table has the numbers.`;
  }
}

function hoverAt(pixel: number, { min, max }: Range, area: Chart['chartArea'] | undefined): Hover | undefined {
  if (!area || area.right <= area.left) return undefined;
  return { pixel, x: min + ((pixel - area.left) / (area.right - area.left)) * (max - min) };
}

/** The raw value of every run at the step closest to the pointer. */
function Readout({ lines, axis, hover, marks, format = formatValue }: CurveChartProps & { readonly hover: Hover }) {
  const phase = marks.findLast(({ x }) => x <= hover.x)?.title;
  return (
    <div class={`readout ${hover.pixel > 300 ? 'left' : 'right'}`} role="status">
      <div class="muted">
        {formatX(axis, hover.x)}
        {phase === undefined ? '' : ` · ${phase}`}
      </div>
      {lines.map((line) => {
        const at = nearest(line, hover.x);
        const value = line.values[at];
        return (
          <div key={line.key}>
            <strong>{value === undefined ? '–' : format(value)}</strong> {line.name}
            {line.steps && <span class="muted">{` ${l10n.t`step ${line.steps[at] ?? ''}`}`}</span>}
          </div>
        );
      })}
    </div>
  );
}

export function nearest({ x }: Pick<Line, 'x'>, value: number): number {
  const above = Math.min(lowerBound(x, value), x.length - 1);
  const below = Math.max(0, above - 1);
  return Math.abs((x[below] ?? 0) - value) <= Math.abs((x[above] ?? 0) - value) ? below : above;
}

type Now = CurveChartProps & { readonly hover: Hover | undefined };

const DASHES: readonly number[][] = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

export const dashOf = (index: number): readonly number[] => DASHES[index % DASHES.length] ?? [];

function painter(theme: Theme, now: () => Now, smoothed: readonly Float64Array[] | undefined): Plugin<'line'> {
  return {
    id: 'curves',
    beforeDraw(chart) {
      const { ctx, chartArea, scales } = chart;
      const { x: scaleX, y: scaleY } = scales;
      if (!scaleX || !scaleY) return;
      const { lines, marks, hover } = now();
      ctx.save();
      ctx.beginPath();
      ctx.rect(chartArea.left, chartArea.top, chartArea.width, chartArea.height);
      ctx.clip();
      drawMarks(ctx, marks, scaleX.getPixelForValue.bind(scaleX), chartArea, theme);
      const range = { min: scaleX.min, max: scaleX.max };
      // This axis is always linear, and Chart.js' own conversion is too slow for a million points.
      const perUnit = chartArea.width / (range.max - range.min);
      const toX = (value: number) => chartArea.left + (value - range.min) * perUnit;
      const toY = (value: number) => scaleY.getPixelForValue(value);
      for (const [index, line] of lines.entries()) {
        ctx.strokeStyle = ctx.fillStyle = theme.series[line.color % theme.series.length] ?? theme.foreground;
        ctx.setLineDash([...dashOf(line.dash)]);
        const fine = smoothed?.[index];
        ctx.globalAlpha = fine ? 0.3 : 1;
        ctx.lineWidth = fine ? 1 : 1.5;
        const draw = (drawn: Pick<DrawnLine, 'x' | 'values' | 'breaks'>) => {
          if (isDense(line.x, range, chartArea.width)) fill(ctx, bands(drawn, range, toX, toY, ctx.lineWidth));
          else
            stroke(ctx, (pen) => {
              drawDecimated(drawn, range, toX, toY, pen);
            });
        };
        draw(line);
        if (!fine) continue;
        ctx.globalAlpha = 1;
        ctx.lineWidth = 2;
        draw({ x: line.x, values: fine, breaks: line.breaks });
      }
      ctx.globalAlpha = 1;
      ctx.setLineDash([]);
      if (hover) {
        ctx.strokeStyle = theme.muted;
        ctx.lineWidth = 1;
        ctx.beginPath();
        ctx.moveTo(hover.pixel, chartArea.top);
        ctx.lineTo(hover.pixel, chartArea.bottom);
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}

function fill(ctx: CanvasRenderingContext2D, outlines: readonly Outline[]): void {
  ctx.beginPath();
  for (const outline of outlines) {
    ctx.moveTo(outline[0] ?? 0, outline[1] ?? 0);
    for (let i = 2; i < outline.length; i += 2) ctx.lineTo(outline[i]!, outline[i + 1]!);
    ctx.closePath();
  }
  ctx.fill();
}

/** Draws a path. An isolated point is drawn as a dot, because a path with one point is invisible. */
function stroke(ctx: CanvasRenderingContext2D, draw: (pen: Pen) => void): void {
  const dots: (readonly [number, number])[] = [];
  let alone: readonly [number, number] | undefined;
  ctx.beginPath();
  draw({
    move(x, y) {
      if (alone) dots.push(alone);
      alone = [x, y];
      ctx.moveTo(x, y);
    },
    line(x, y) {
      alone = undefined;
      ctx.lineTo(x, y);
    },
  });
  if (alone) dots.push(alone);
  ctx.stroke();
  for (const [x, y] of dots) {
    ctx.beginPath();
    ctx.arc(x, y, 3, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function drawMarks(
  ctx: CanvasRenderingContext2D,
  marks: readonly PhaseMark[],
  toX: (value: number) => number,
  area: { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number },
  theme: Theme,
): void {
  ctx.strokeStyle = theme.muted;
  ctx.fillStyle = theme.muted;
  ctx.font = `${theme.fontSize - 3}px ${theme.font}`;
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 3]);
  let free = area.left;
  for (const { x, title } of marks) {
    const pixel = toX(x);
    if (pixel < area.left || pixel > area.right) continue;
    ctx.beginPath();
    ctx.moveTo(pixel, area.top);
    ctx.lineTo(pixel, area.bottom);
    ctx.stroke();
    const width = ctx.measureText(title).width;
    // Skip a title that would overlap the previous one.
    if (pixel + 3 < free || pixel + width > area.right) continue;
    ctx.fillText(title, pixel + 3, area.top + 10);
    free = pixel + width + 10;
  }
  ctx.setLineDash([]);
}
