import * as l10n from '@vscode/l10n';
import { useEffect, useState } from 'preact/hooks';
import type { Sparkline } from '../../core/protocol/compare';
import { formatCount, formatNumber } from '../../core/protocol/format';
import { betterOf } from '../../core/protocol/runs';

const WIDTH = 44;
const HEIGHT = 16;

/** Asks for the curves of a run; the host reads each run once, and this remembers the answers. */
export type AskSparklines = (runDir: string) => Promise<Readonly<Record<string, Sparkline>>>;

interface SparklineProps {
  readonly runDir: string;
  readonly metric: string;
  readonly ask: AskSparklines;
}

/** The curve of a metric in a cell; nothing where there are fewer than two points. */
export function SparklineView({ runDir, metric, ask }: SparklineProps) {
  const [line, setLine] = useState<Sparkline>();
  useEffect(() => {
    let wanted = true;
    setLine(undefined);
    ask(runDir).then(
      (lines) => {
        if (wanted) setLine(lines[metric]);
      },
      // A run that cannot be read has no curve; its row says what is wrong with it.
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [runDir, metric]);
  if (!line || line.points.length < 2) return null;
  const { points, min, max } = line;
  const height = max.value - min.value || 1;
  const path = points
    .map((value, index) => {
      const x = 1 + (index * (WIDTH - 2)) / (points.length - 1);
      const y = 2 + ((max.value - value) / height) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(' ');
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} role="img" aria-label={sentence(metric, line)}>
      <title>{sentence(metric, line)}</title>
      <polyline points={path} fill="none" stroke="currentColor" stroke-width="1" />
    </svg>
  );
}

/** `5.2 to 3.1 in 400 points, best 3.0 at step 380`. */
export function sentence(metric: string, { first, last, count, min, max }: Sparkline): string {
  const better = betterOf(metric);
  const best = better === undefined ? undefined : better === 'lower' ? min : max;
  const parts = { metric, first: formatNumber(first), last: formatNumber(last), count: formatCount(count) };
  return best
    ? l10n.t('{metric}: {first} to {last} in {count} points, best {best} at step {step}', {
        ...parts,
        best: formatNumber(best.value),
        step: formatCount(best.step),
      })
    : l10n.t('{metric}: {first} to {last} in {count} points', parts);
}
