import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Results } from '../protocol/results';
import type { TradeoffView } from '../protocol/tradeoff';

/** Results as the trade-off panel draws them: the models that have been evaluated, with their checkpoints. */
export function panelView({ metrics, series, points }: Results, checkpointsDir: string): TradeoffView {
  const qualities = metrics.filter(({ role, tableOnly }) => role === 'quality' && !tableOnly).map(({ key }) => key);
  const axes = metrics
    .filter(({ tableOnly }) => !tableOnly)
    .map(({ key, label, unit, better, role }) => ({ key, label: shown(label), unit, better, role }));
  const drawn = new Set(axes.map(({ key }) => key));
  const onAxes = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).filter(([key]) => drawn.has(key)));
  const byName = new Map(series.map((one) => [one.name, one]));
  return {
    axes,
    points: points
      .filter(({ values }) => qualities.some((key) => values[key] !== undefined))
      .map(({ name, series: of, values, spread, checkpoint, ranks, heads, sizes }) => {
        const { title, role } = byName.get(of)!;
        return {
          name,
          series: shown(title),
          role,
          values: onAxes(values),
          ...(spread && { spread: onAxes(spread) }),
          ...(ranks && { ranks }),
          ...(heads && { heads }),
          ...(sizes && { sizes }),
          ...(checkpoint !== undefined && { checkpoint: path.join(checkpointsDir, checkpoint) }),
        };
      }),
  };
}

/** A run that was made in English, or made anywhere before there were translations, is shown in the language of its reader. */
// eslint-disable-next-line no-restricted-syntax -- methods mark their labels where they write them
const shown = (text: string): string => l10n.t(text);
