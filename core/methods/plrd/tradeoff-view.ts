import path from 'node:path';
import type { TradeoffAxis, TradeoffPoint as ViewPoint, TradeoffView } from '../../protocol/tradeoff';
import { knownValues } from '../../comparison/known-values';
import type { Tradeoff, TradeoffPoint } from './artifacts';

const axis = (
  key: string,
  label: string,
  unit: string,
  better: TradeoffAxis['better'],
  role: TradeoffAxis['role'],
): TradeoffAxis => ({ key, label, unit, better, role });

const AXES: readonly TradeoffAxis[] = [
  axis('parameters', 'Parameters', '', 'lower', 'cost'),
  axis('linearShare', 'Linear parameters kept', '%', 'lower', 'cost'),
  axis('flopsPerToken', 'Operations per token', 'FLOP', 'lower', 'cost'),
  axis('meanRank', 'Mean rank', '', 'lower', 'degree'),
  axis('generateTokensPerSecond', 'Generation', 'tokens/s', 'higher', 'cost'),
  axis('trainTokensPerSecond', 'Training', 'tokens/s', 'higher', 'cost'),
  axis('perplexity', 'Perplexity', '', 'lower', 'quality'),
  axis('loss', 'Loss', 'nats/token', 'lower', 'quality'),
  axis('bitsPerByte', 'Bits per byte', '', 'lower', 'quality'),
  axis('accuracy', 'Tokens predicted', '%', 'higher', 'quality'),
  axis('perplexityBeforeTraining', 'Perplexity before training', '', 'lower', 'quality'),
  axis('truncationError', 'Relative error of the weights', '', 'lower', 'degree'),
];

const SERIES: Record<TradeoffPoint['kind'], { series: string; role: ViewPoint['role'] }> = {
  parent: { series: 'Parent', role: 'baseline' },
  member: { series: 'Progressive family', role: 'member' },
  truncation: { series: 'Truncated, not trained', role: 'control' },
  'one-shot': { series: 'One shot, trained as long', role: 'control' },
};

/** The family and its controls as panels draw them. */
export function viewOfFamily({ points }: Tradeoff, checkpointsDir: string): TradeoffView {
  const parent = points.find(({ kind }) => kind === 'parent');
  const tasks = [...new Set(points.flatMap((point) => Object.keys(point.tasks)))];
  return {
    axes: [
      ...AXES,
      ...tasks.map((task) => axis(`task:${task}`, `${task}: questions answered`, '%', 'higher', 'quality')),
    ],
    points: points.map((point) => ({
      name: point.name,
      ...SERIES[point.kind],
      values: valuesOf(point, parent),
      ranks: point.ranks,
      ...(point.checkpoint !== undefined && { checkpoint: path.join(checkpointsDir, point.checkpoint) }),
    })),
  };
}

function valuesOf(point: TradeoffPoint, parent: TradeoffPoint | undefined): Record<string, number> {
  const ranks = Object.values(point.ranks);
  const measured: Record<string, number | undefined> = {
    parameters: point.parameters,
    linearShare: parent && (100 * point.linearParameters) / parent.linearParameters,
    flopsPerToken: point.flopsPerToken,
    meanRank: ranks.length > 0 ? ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length : undefined,
    generateTokensPerSecond: point.generateTokensPerSecond,
    trainTokensPerSecond: point.trainTokensPerSecond,
    perplexity: point.perplexity,
    loss: point.loss,
    bitsPerByte: point.bitsPerByte,
    accuracy: 100 * point.accuracy,
    perplexityBeforeTraining: point.perplexityBeforeTraining,
    truncationError: point.truncationError,
  };
  for (const [task, { accuracy }] of Object.entries(point.tasks)) measured[`task:${task}`] = 100 * accuracy;
  return knownValues(measured);
}
