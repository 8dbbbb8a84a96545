import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
  type ChartConfiguration,
  type ChartType,
  type Plugin,
} from 'chart.js';
import { useEffect, useRef } from 'preact/hooks';
import { useTheme, type Theme } from './theme';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
);
Chart.defaults.animation = false;
Chart.defaults.responsive = true;
Chart.defaults.maintainAspectRatio = false;

interface ChartViewProps<Type extends ChartType> {
  /** A sentence for screen readers that says what the chart shows; the table alternative has the numbers. */
  readonly label: string;
  /** Called on every render of the component: keep it cheap, or memoize its inputs. */
  readonly config: (theme: Theme) => ChartConfiguration<Type>;
  /** In pixels; the width is that of the container. */
  readonly height?: number;
  /** Called with the chart when it is created, and with null when it is destroyed. */
  readonly onChart?: (chart: Chart<Type> | null) => void;
}

/** A Chart.js chart in the theme's colors, created once and updated in place. */
export function ChartView<Type extends ChartType>({ label, config, height, onChart }: ChartViewProps<Type>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart<Type>>(undefined);
  const theme = useTheme();
  const wanted = config(theme);

  useEffect(() => {
    if (!canvas.current) return undefined;
    const made = new Chart<Type>(canvas.current, wanted);
    chart.current = made;
    onChart?.(made);
    return () => {
      made.destroy();
      chart.current = undefined;
      onChart?.(null);
    };
    // Created once; later configurations are applied below.
  }, []);

  useEffect(() => {
    if (!chart.current) return;
    chart.current.data = wanted.data;
    // Chart.js only accepts further plugins through the list that it was created with.
    const plugins = (chart.current.config as { plugins?: Plugin<Type>[] }).plugins ?? [];
    plugins.splice(0, plugins.length, ...(wanted.plugins ?? []));
    chart.current.options = wanted.options ?? ({} as NonNullable<typeof wanted.options>);
    chart.current.update('none');
  }, [wanted]);

  return (
    <div class="chart" style={height === undefined ? undefined : { height: `${height}px` }}>
      <canvas ref={canvas} role="img" aria-label={label} tabIndex={0} />
    </div>
  );
}

/** Options of an axis in the theme's colors; spread into a scale's options. */
export function axisColors(theme: Theme, title: string) {
  return {
    title: {
      display: title !== '',
      text: title,
      color: theme.foreground,
      font: { family: theme.font, size: theme.fontSize },
    },
    ticks: { color: theme.muted, font: { family: theme.font, size: theme.fontSize - 1 } },
    grid: { color: theme.grid, drawTicks: false },
    border: { color: theme.border },
  };
}

/** Tooltip options in the colors of VS Code's hovers. */
export function tooltipColors(theme: Theme) {
  return {
    backgroundColor: theme.background,
    titleColor: theme.foreground,
    bodyColor: theme.foreground,
    footerColor: theme.muted,
    borderColor: theme.border,
    borderWidth: 1,
    titleFont: { family: theme.font, size: theme.fontSize },
    bodyFont: { family: theme.font, size: theme.fontSize },
    footerFont: { family: theme.font, size: theme.fontSize - 1 },
  };
}

export { Chart };
