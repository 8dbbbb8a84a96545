import path from 'node:path';
import type { TradeoffAxis, TradeoffPoint, TradeoffView } from '../../protocol/tradeoff';
import { knownValues } from '../known-values';
import type { Comparison } from './artifacts';
import { summarise, type Summary } from './summary';

const AXES: readonly TradeoffAxis[] = [
  { key: 'parameters', label: 'Parameters', unit: '', better: 'lower', role: 'cost' },
  { key: 'flopsPerImage', label: 'Operations per image', unit: 'FLOP', better: 'lower', role: 'cost' },
  { key: 'trainGain', label: 'Training throughput gained', unit: '%', better: 'higher', role: 'cost' },
  { key: 'idealTrainGain', label: 'Throughput that operations promise', unit: '%', better: 'higher', role: 'degree' },
  { key: 'inferenceGain', label: 'Inference throughput gained', unit: '%', better: 'higher', role: 'cost' },
  { key: 'trainMilliseconds', label: 'Training time per image', unit: 'ms', better: 'lower', role: 'cost' },
  { key: 'inferenceMilliseconds', label: 'Inference time per image', unit: 'ms', better: 'lower', role: 'cost' },
  { key: 'memory', label: 'Memory of training', unit: 'MB', better: 'lower', role: 'cost' },
  { key: 'accuracy', label: 'Images right', unit: '%', better: 'higher', role: 'quality' },
  { key: 'lost', label: 'Points lost to the baseline', unit: '', better: 'lower', role: 'quality' },
  { key: 'loss', label: 'Loss', unit: 'nats/image', better: 'lower', role: 'quality' },
];

/** A comparison of vision transformers as panels draw it: a point for each model, means over its seeds. */
export function viewOfComparison(comparison: Comparison, checkpointsDir: string): TradeoffView {
  // What skips tokens is not smaller but faster: that is the first thing to look at.
  const sameSize = new Set(comparison.contenders.map(({ parameters }) => parameters)).size === 1;
  const first = sameSize ? 'trainGain' : 'parameters';
  return {
    axes: [...AXES].sort((a, b) => Number(b.key === first) - Number(a.key === first)),
    points: summarise(comparison)
      .filter(({ accuracy }) => accuracy !== undefined)
      .map((summary) => pointOf(summary, checkpointsDir)),
  };
}

function pointOf(summary: Summary, checkpointsDir: string): TradeoffPoint {
  const { name, series, role, accuracy, loss, lost, speed, checkpoint } = summary;
  // What the baseline gains against itself is noise; the others are held against none.
  const gain = (share: number | undefined) => (role === 'baseline' && share !== undefined ? 0 : share && 100 * share);
  const values: Record<string, number | undefined> = {
    parameters: summary.parameters,
    flopsPerImage: summary.flopsPerImage,
    trainGain: gain(speed?.trainGain),
    idealTrainGain: 100 * summary.idealTrainGain,
    inferenceGain: gain(speed?.inferenceGain),
    trainMilliseconds: speed && 1000 * speed.trainSecondsPerImage,
    inferenceMilliseconds: speed && 1000 * speed.inferenceSecondsPerImage,
    memory: speed && speed.memoryBytes / 1e6,
    accuracy: accuracy && 100 * accuracy.mean,
    lost: lost && 100 * lost.mean,
    loss: loss?.mean,
  };
  const spread: Record<string, number | undefined> = {
    accuracy: accuracy?.deviation && 100 * accuracy.deviation,
    lost: lost?.deviation && 100 * lost.deviation,
    loss: loss?.deviation,
  };
  return {
    name,
    series,
    role,
    values: knownValues(values),
    spread: knownValues(spread),
    heads: summary.heads,
    ...(checkpoint !== undefined && { checkpoint: path.join(checkpointsDir, checkpoint) }),
  };
}
