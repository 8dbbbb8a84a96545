import path from 'node:path';
import type { TradeoffAxis, TradeoffPoint, TradeoffView } from '../../protocol/tradeoff';
import { knownValues } from '../../comparison/known-values';
import type { SelectionComparison } from './artifacts';
import { summariseSelection, type ContestantSummary } from './summary';

/** A comparison of ways to choose samples as panels draw it: a point for each, means over its seeds. */
export function viewOfSelection(comparison: SelectionComparison, checkpointsDir: string): TradeoffView {
  const summaries = summariseSelection(comparison).filter(({ quality }) => quality !== undefined);
  const short = (metric: string) => metric.replace(/^.*\//, '');
  const others = [...new Set(summaries.flatMap(({ metrics }) => Object.keys(metrics)))].filter(
    (metric) => metric !== comparison.metric,
  );
  const quality = (metric: string): TradeoffAxis => {
    const isLoss = /loss|perplexity|error/i.test(metric);
    return {
      key: metric,
      label: short(metric),
      unit: isLoss ? '' : '%',
      better: isLoss ? 'lower' : 'higher',
      role: 'quality',
    };
  };
  const axes: TradeoffAxis[] = [
    { key: 'lessWork', label: 'Times less work than all data', unit: 'x', better: 'higher', role: 'cost' },
    { key: 'work', label: 'Work, in samples', unit: '', better: 'lower', role: 'cost' },
    { key: 'seconds', label: 'Time of training and scoring', unit: 's', better: 'lower', role: 'cost' },
    { key: 'faster', label: 'Times faster than all data', unit: 'x', better: 'higher', role: 'cost' },
    { key: 'keep', label: 'Share of the samples kept', unit: '%', better: 'lower', role: 'degree' },
    quality(comparison.metric),
    { key: 'lost', label: 'Points lost to all data', unit: '', better: 'lower', role: 'quality' },
    ...others.map(quality),
  ];
  return { axes, points: summaries.map((summary) => pointOf(summary, axes, checkpointsDir)) };
}

function pointOf(summary: ContestantSummary, axes: readonly TradeoffAxis[], checkpointsDir: string): TradeoffPoint {
  const { name, series, role, metrics, lost, work, seconds, lessWork, faster, keep, checkpoint } = summary;
  const scaleOf = (metric: string) => (axes.find(({ key }) => key === metric)?.unit === '%' ? 100 : 1);
  const scaled = (pick: (name: string) => number | undefined) =>
    Object.fromEntries(Object.keys(metrics).map((metric) => [metric, times(pick(metric), scaleOf(metric))]));
  const values: Record<string, number | undefined> = {
    // All data is what the others are held against: as much work, as fast.
    lessWork: role === 'baseline' ? 1 : lessWork,
    work,
    seconds,
    faster: role === 'baseline' ? 1 : faster?.mean,
    keep: 100 * keep,
    lost: times(lost?.mean, 100),
    ...scaled((metric) => metrics[metric]?.mean),
  };
  const spread: Record<string, number | undefined> = {
    faster: faster?.deviation,
    lost: times(lost?.deviation, 100),
    ...scaled((metric) => metrics[metric]?.deviation),
  };
  return {
    name,
    series,
    role,
    values: knownValues(values),
    spread: knownValues(spread),
    ...(checkpoint !== undefined && { checkpoint: path.join(checkpointsDir, checkpoint) }),
  };
}

const times = (value: number | undefined, factor: number) => (value === undefined ? undefined : factor * value);
