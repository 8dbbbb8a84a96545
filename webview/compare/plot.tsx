import * as l10n from '@vscode/l10n';
import type { ChartConfiguration, Plugin } from 'chart.js';
import { useMemo, useRef } from 'preact/hooks';
import { differs, groupTitle, type CompareColumn, type ComparedRun } from '../../core/protocol/compare';
import { formatNumber } from '../../core/protocol/format';
import { headline } from '../../core/protocol/runs';
import { axisColors, ChartView, tooltipColors } from '../shared/chart';
import { Checkbox, Dropdown } from '../shared/controls';
import { Empty } from '../shared/messages';
import { drawPointNames } from '../shared/point-names';
import type { Theme } from '../shared/theme';

/** What the plot shows. */
export interface PlotChoices {
  readonly x: string;
  readonly y: string;
  readonly logX: boolean;
  readonly logY: boolean;
}

interface PlotProps {
  readonly runs: readonly ComparedRun[];
  readonly columns: readonly CompareColumn[];
  readonly chosen: PlotChoices;
  readonly selected: string;
  readonly onChoose: (change: Partial<PlotChoices>) => void;
  readonly onSelect: (run: ComparedRun) => void;
}

interface Dot {
  readonly x: number;
  readonly y: number;
  readonly run: ComparedRun;
}

/** Settings and facts with few values are places beside each other; numbers have their place on the axis. */
function placesOf(runs: readonly ComparedRun[], column: CompareColumn): readonly string[] | undefined {
  if (runs.every((run) => ['number', 'undefined'].includes(typeof column.value(run)))) return undefined;
  return [...new Set(runs.map((run) => column.show(run)))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Names of runs are drawn beside so many points; with more they would hide them. */
const MOST_NAMED = 40;
/** Letters of a place under the axis; lists and paths are cut in the middle, the table and the tooltip have all of them. */
const PLACE_LETTERS = 18;

const shortened = (text: string) =>
  text.length <= PLACE_LETTERS
    ? text
    : `${text.slice(0, PLACE_LETTERS / 2 - 1)}…${text.slice(text.length - PLACE_LETTERS / 2)}`;

/** Any result against any setting: one point for each run. */
export function Plot({ runs, columns, chosen, selected, onChoose, onSelect }: PlotProps) {
  const numbers = columns.filter((column) => runs.some((run) => typeof column.value(run) === 'number'));
  const metric = headline(Object.assign({}, ...runs.map((run) => run.metrics?.values ?? {})) as Record<string, number>);
  const y =
    numbers.find(({ key }) => key === chosen.y) ??
    numbers.find(({ group, name }) => group === 'Metrics' && name === metric?.name);
  const settings = columns.filter(({ group }) => group === 'Settings');
  const x =
    columns.find(({ key }) => key === chosen.x) ??
    settings.find((column) => differs(column, runs)) ??
    settings[0] ??
    columns[0];
  const now = useRef({ onSelect });
  now.current = { onSelect };
  const places = useMemo(() => x && placesOf(runs, x), [runs, x?.key]);
  const dots = useMemo((): Dot[] => {
    if (!x || !y) return [];
    return runs.flatMap((run) => {
      const across = places ? places.indexOf(x.show(run)) : x.value(run);
      const down = y.value(run);
      return typeof across === 'number' && typeof down === 'number' && Number.isFinite(across) && Number.isFinite(down)
        ? [{ x: across, y: down, run }]
        : [];
    });
  }, [runs, x?.key, y?.key, places]);
  const positive = (of: 'x' | 'y') => dots.length > 0 && dots.every((dot) => dot[of] > 0);
  const logX = chosen.logX && !places && positive('x');
  const logY = chosen.logY && positive('y');
  const config = useMemo(
    () =>
      (theme: Theme): ChartConfiguration<'scatter'> => ({
        type: 'scatter',
        data: {
          datasets: [
            {
              data: dots,
              pointRadius: dots.map(({ run }) => (run.dir === selected ? 8 : 5)),
              pointHoverRadius: 8,
              pointBackgroundColor: theme.series[0] ?? theme.foreground,
              pointBorderColor: dots.map(({ run }) => (run.dir === selected ? theme.focus : (theme.series[0] ?? ''))),
              pointBorderWidth: dots.map(({ run }) => (run.dir === selected ? 3 : 1)),
            },
          ],
        },
        options: {
          layout: { padding: { top: 12, right: 24 } },
          interaction: { mode: 'nearest', intersect: true },
          scales: {
            x: {
              type: logX ? 'logarithmic' : 'linear',
              ...axisColors(theme, x?.title ?? ''),
              ...(places && {
                min: -0.5,
                max: places.length - 0.5,
                // A linear axis counts its ticks from its end, which is between two places.
                afterBuildTicks: (scale) => {
                  scale.ticks = places.map((_place, value) => ({ value }));
                },
              }),
              ticks: {
                ...axisColors(theme, '').ticks,
                maxTicksLimit: 9,
                callback: (value) => (places ? shortened(places[+value] ?? '') : formatNumber(+value, 3)),
              },
            },
            y: {
              type: logY ? 'logarithmic' : 'linear',
              ...axisColors(theme, y?.title ?? ''),
              ticks: {
                ...axisColors(theme, '').ticks,
                maxTicksLimit: 7,
                callback: (value) => formatNumber(+value, 3),
              },
            },
          },
          plugins: {
            tooltip: {
              ...tooltipColors(theme),
              callbacks: {
                title: ([item]) => (item?.raw as Dot | undefined)?.run.name ?? '',
                label: ({ raw }) => {
                  const { run } = raw as Dot;
                  return [`${x?.title ?? ''}: ${x?.show(run) ?? ''}`, `${y?.title ?? ''}: ${y?.show(run) ?? ''}`];
                },
              },
            },
          },
          onClick: (_event, [element]) => {
            const dot = element && dots[element.index];
            if (dot) now.current.onSelect(dot.run);
          },
        },
        plugins: [names(dots, theme)],
      }),
    [dots, logX, logY, places, selected, x?.key, y?.key],
  );
  if (!x || !y) return <Empty>{l10n.t('No run has a number to show yet.')}</Empty>;
  const choices = (of: readonly CompareColumn[]) =>
    of.map(({ key, group, title }) => ({ value: key, label: `${groupTitle(group)}: ${title}` }));
  return (
    <section class="plot" aria-label={l10n.t('Chart')}>
      <div class="toolbar">
        <Dropdown
          label={l10n.t('Y axis')}
          value={y.key}
          choices={choices(numbers)}
          onChange={(key) => {
            onChoose({ y: key });
          }}
        />
        <Dropdown
          label={l10n.t('X axis')}
          value={x.key}
          choices={choices(columns)}
          onChange={(key) => {
            onChoose({ x: key });
          }}
        />
        <Checkbox
          label={l10n.t('Log Y')}
          checked={logY}
          onChange={(wanted) => {
            onChoose({ logY: wanted });
          }}
        />
        <Checkbox
          label={l10n.t('Log X')}
          checked={logX}
          onChange={(wanted) => {
            onChoose({ logX: wanted });
          }}
        />
        <span class="muted">{l10n.t`${dots.length} of ${runs.length} runs`}</span>
      </div>
      <ChartView
        label={l10n.t`${y.title} against ${x.title} for ${dots.length} runs; the table has the numbers.`}
        config={config}
        height={260}
      />
    </section>
  );
}

/** The names of the runs at their points. */
const names = (dots: readonly Dot[], theme: Theme): Plugin<'scatter'> => ({
  id: 'names',
  afterDatasetsDraw(chart) {
    if (dots.length > MOST_NAMED) return;
    const { data } = chart.getDatasetMeta(0);
    const named = dots.flatMap(({ run }, at) => {
      const element = data[at];
      return element ? [{ name: run.name, x: element.x, y: element.y }] : [];
    });
    drawPointNames(chart, named, theme);
  },
});
