import * as l10n from '@vscode/l10n';
import type { ChartConfiguration, Plugin } from 'chart.js';
import { useMemo, useRef } from 'preact/hooks';
import { formatNumber } from '../../core/protocol/format';
import {
  barEdge,
  sampleStates,
  scoreTitle,
  type ImportanceHistogram,
  type SampleState,
  type ScoreKind,
} from '../../core/protocol/importance';
import { axisColors, ChartView, tooltipColors, type Chart } from '../shared/chart';
import type { Theme } from '../shared/theme';
import { brushed, thresholdLine } from './marks';
import { barsOf, barTitle, wrongOf } from './bars';
import { count, stateName, stateTitle, type BarRange } from './state';

interface HistogramProps {
  readonly histogram: ImportanceHistogram;
  readonly score: ScoreKind;
  /** Null if the samples were drawn at random. */
  readonly threshold: number | null;
  /** Number of samples at the top of the axis; the same for all selections, so that their bars can be compared. */
  readonly peak: number;
  readonly shown: readonly SampleState[];
  readonly bars: BarRange | null;
  readonly onBars: (bars: BarRange | null) => void;
}

/** Blue and orange, and an unobtrusive gray for samples that are not used. */
export const stateColors = (theme: Theme): Readonly<Record<SampleState, string>> => ({
  kept: theme.series[0] ?? theme.foreground,
  returned: theme.series[1] ?? theme.foreground,
  dropped: `${theme.series[7] ?? '#808080'}80`,
});

/** Of samples whose labels look wrong: a color of its own, and bars of another shape, in front of the others. */
export const wrongColor = (theme: Theme): string => theme.series[4] ?? theme.error;

/** Powers of ten in the range, with steps in between if there are few, and the end of the range if the last bar is open. */
function decades({ from, to, open }: ImportanceHistogram): { value: number }[] {
  const first = Math.floor(Math.log10(from));
  const count = Math.ceil(Math.log10(to)) - first;
  const steps = count > 3 ? [1] : [1, 2, 5];
  const values = Array.from({ length: count + 1 }, (_, i) => steps.map((step) => step * 10 ** (first + i))).flat();
  // A tick too close to the end would overlap its label.
  const shown = values.filter((value) => value >= from && (open ? value < to / 3 : value <= to));
  return [...shown, ...(open ? [to] : [])].map((value) => ({ value }));
}

/** Samples by score. A range is selected by dragging or with the arrow keys (Shift extends it, Escape clears it). */
export function Histogram(props: HistogramProps) {
  const { histogram, score, threshold, peak, shown, bars, onBars } = props;
  const total = histogram.counts.kept.length;
  const chart = useRef<Chart<'bar'> | null>(null);
  /** Where the drag began; also the end of a range that the arrow keys do not move. */
  const anchor = useRef<number>(undefined);
  const dragging = useRef(false);

  const config = useMemo(
    () =>
      (theme: Theme): ChartConfiguration<'bar'> => {
        const colors = stateColors(theme);
        return {
          type: 'bar',
          data: {
            labels: histogram.counts.kept.map((_, bar) => barEdge(histogram, total, bar + 0.5)),
            datasets: [
              ...sampleStates
                .filter((state) => shown.includes(state))
                .map((state) => ({
                  label: stateTitle(state),
                  // `minBarLength` keeps small counts visible; null draws no bar for zero.
                  data: histogram.counts[state].map((samples) => (samples === 0 ? null : samples)),
                  minBarLength: 2,
                  backgroundColor: colors[state],
                  barPercentage: 0.92,
                  categoryPercentage: 1,
                  grouped: false,
                  order: 1,
                  stack: 'samples',
                })),
              ...(histogram.wrong
                ? [
                    {
                      label: l10n.t({
                        message: 'Label looks wrong',
                        comment: 'A mark in the histogram, followed by a number',
                      }),
                      data: histogram.counts.kept.map(
                        (_, bar) => wrongOf(histogram, shown, { first: bar, last: bar }) || null,
                      ),
                      minBarLength: 2,
                      backgroundColor: wrongColor(theme),
                      borderColor: theme.background,
                      borderWidth: { left: 1, right: 1 },
                      borderSkipped: false,
                      barPercentage: 0.5,
                      categoryPercentage: 1,
                      grouped: false,
                      order: 0,
                      stack: 'wrong',
                    },
                  ]
                : []),
            ],
          },
          options: {
            layout: { padding: { top: 18, right: 12 } },
            interaction: { mode: 'index', intersect: false },
            scales: {
              x: {
                type: histogram.scale === 'log' ? 'logarithmic' : 'linear',
                offset: false,
                stacked: true,
                min: histogram.from,
                max: histogram.to,
                ...axisColors(theme, scoreTitle(score)),
                grid: { ...axisColors(theme, '').grid, offset: false },
                afterBuildTicks: (built) => {
                  if (histogram.scale === 'log') built.ticks = decades(histogram);
                },
                ticks: {
                  ...axisColors(theme, '').ticks,
                  maxTicksLimit: 9,
                  callback: (value) => {
                    const score = formatNumber(+value, 3);
                    return histogram.open && +value >= histogram.to ? l10n.t`${score} and more` : score;
                  },
                },
              },
              y: {
                type: 'linear',
                stacked: true,
                min: 0,
                suggestedMax: peak,
                ...axisColors(theme, l10n.t('Samples')),
                ticks: { ...axisColors(theme, '').ticks, maxTicksLimit: 5, callback: (value) => count(+value) },
              },
            },
            plugins: {
              tooltip: {
                ...tooltipColors(theme),
                callbacks: {
                  title: ([item]) => (item ? barTitle(histogram, item.dataIndex) : ''),
                  label: (item) => `${item.dataset.label ?? ''}: ${count(item.parsed.y ?? 0)}`,
                },
              },
            },
          },
          plugins: [
            brushed(bars, total, theme),
            ...(threshold === null ? [] : [thresholdLine(threshold, theme)]),
          ] as Plugin<'bar'>[],
        };
      },
    [histogram, score, threshold, peak, shown.join(), bars],
  );

  const barAt = (event: PointerEvent): number => {
    const area = chart.current?.chartArea;
    const canvas = chart.current?.canvas;
    if (!area || !canvas) return 0;
    const x = event.clientX - canvas.getBoundingClientRect().left - area.left;
    return Math.min(Math.max(Math.floor((x / area.width) * total), 0), total - 1);
  };
  const extend = (to: number) => {
    const from = anchor.current ?? to;
    onBars({ first: Math.min(from, to), last: Math.max(from, to) });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onBars(null);
    const moving = bars && anchor.current === bars.last ? bars.first : (bars?.last ?? -1);
    const to = { ArrowRight: moving + 1, ArrowLeft: bars ? moving - 1 : total - 1, Home: 0, End: total - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const bar = Math.min(Math.max(to, 0), total - 1);
    if (!event.shiftKey || !bars) anchor.current = bar;
    else anchor.current ??= bars.first;
    extend(bar);
  };

  const sizes = [
    ...shown.map((state) => `${count(barsOf(histogram.counts[state]))} ${stateName(state)}`),
    ...(histogram.wrong ? [l10n.t`${count(wrongOf(histogram, shown))} look wrong`] : []),
  ].join(', ');
  return (
    <div
      class="histogram"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        dragging.current = true;
        anchor.current = barAt(event);
        extend(anchor.current);
      }}
      onPointerMove={(event) => {
        if (dragging.current) extend(barAt(event));
      }}
      onPointerUp={() => {
        dragging.current = false;
      }}
      onPointerCancel={() => {
        dragging.current = false;
      }}
      onKeyDown={onKeyDown}
    >
      <ChartView
        label={
          threshold === null
            ? l10n.t`Samples by score: ${sizes}; the higher the score, the more likely to be kept. Arrow keys select a bar, with Shift several, Escape clears the selection; "As a table" has the numbers.`
            : l10n.t`Samples by score: ${sizes}; those with a score from ${formatNumber(threshold, 3)} are kept. Arrow keys select a bar, with Shift several, Escape clears the selection; "As a table" has the numbers.`
        }
        config={config}
        height={250}
        onChart={(made) => {
          chart.current = made;
        }}
      />
    </div>
  );
}
