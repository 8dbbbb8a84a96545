import * as l10n from '@vscode/l10n';
import { dropOf } from '../../protocol/metric-drop';
import { RESULTS_VERSION, type Metric, type ResultPoint, type Results } from '../../protocol/results';
import { spreadOf, type Spread } from '../../protocol/statistics';
import { knownValues } from '../known-values';
import { pairedBySeed } from '../paired';
import { seriesOf } from '../series';
import type { VariantTimes } from '../speed/times';
import type { DoneTrial } from '../trial';
import type { VariantRecord, VisionFacts, VisionOutcome } from './artifacts';

/** What a comparison of vision transformers has come to so far. */
export interface VisionComparison {
  readonly facts: VisionFacts;
  readonly variants: readonly VariantRecord[];
  readonly trials: readonly DoneTrial<VisionOutcome>[];
  /** Of the variants that were timed in turns with the baseline. */
  readonly times: readonly VariantTimes[];
}

/** A variant with what its trainings came to. */
export interface VisionSummary extends VariantRecord {
  /** Over the seeds; undefined before the first training ended. */
  readonly accuracy: Spread | undefined;
  readonly loss: Spread | undefined;
  /** Difference of the accuracy to the baseline of the same seeds; undefined for the baseline itself. */
  readonly accuracyDrop: Spread | undefined;
  /** Throughput that the saved operations promise, as a share more than the baseline's. */
  readonly idealTrainGain: number;
  readonly times: VariantTimes | undefined;
  readonly seeds: readonly number[];
  readonly checkpoint: string | undefined;
}

/** What every variant came to, in their order. */
export function summarize({ variants, trials, times }: VisionComparison): VisionSummary[] {
  const baseline = variants.find(({ role }) => role === 'baseline');
  return variants.map((variant) => {
    const own = trials.filter((trial) => trial.variant === variant.name);
    const pairs = pairedBySeed(trials, variant.name, baseline?.name);
    return {
      ...variant,
      accuracy: spreadOf(own.map(({ accuracy }) => accuracy)),
      loss: spreadOf(own.map(({ loss }) => loss)),
      accuracyDrop:
        variant.name === baseline?.name
          ? undefined
          : spreadOf(pairs.map(({ own: { accuracy }, base }) => base.accuracy - accuracy)),
      idealTrainGain: (baseline?.trainingFlopsPerImage ?? NaN) / variant.trainingFlopsPerImage - 1,
      times: times.find((one) => one.variant === variant.name),
      seeds: own.map(({ seed }) => seed),
      checkpoint: own.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint,
    };
  });
}

const ACCURACY_DROP = dropOf('accuracy');
const GAIN = { as: 'fixed', digits: 1, suffix: '%', signed: true } as const;
const POINTS = { as: 'fixed', digits: 2, spread: true } as const;

const metrics = (): readonly Metric[] => [
  {
    key: 'parameters',
    label: l10n.t('Parameters'),
    title: 'params',
    unit: '',
    better: 'lower',
    role: 'cost',
    format: { as: 'count' },
  },
  {
    key: 'flopsPerImage',
    label: l10n.t('Operations per image'),
    title: 'FLOP',
    unit: 'FLOP',
    better: 'lower',
    role: 'cost',
    format: { as: 'count' },
  },
  {
    key: 'trainGain',
    label: l10n.t('Training throughput gained'),
    title: 'train',
    unit: '%',
    better: 'higher',
    role: 'cost',
    format: GAIN,
    toBaseline: true,
    measured: true,
  },
  {
    key: 'idealTrainGain',
    label: l10n.t('Training throughput gain, ideal'),
    title: 'ideal',
    unit: '%',
    better: 'higher',
    role: 'degree',
    format: GAIN,
    toBaseline: true,
  },
  {
    key: 'inferenceGain',
    label: l10n.t('Inference throughput gained'),
    title: 'inference',
    unit: '%',
    better: 'higher',
    role: 'cost',
    format: GAIN,
    toBaseline: true,
    measured: true,
  },
  {
    key: 'trainMilliseconds',
    label: l10n.t('Training time per image'),
    unit: 'ms',
    better: 'lower',
    role: 'cost',
    measured: true,
  },
  {
    key: 'inferenceMilliseconds',
    label: l10n.t('Inference time per image'),
    unit: 'ms',
    better: 'lower',
    role: 'cost',
    measured: true,
  },
  {
    key: 'memory',
    label: l10n.t('Memory of training'),
    title: 'memory',
    unit: 'MB',
    better: 'lower',
    role: 'cost',
    format: { as: 'bytes', per: 1e-6 },
    measured: true,
  },
  {
    key: 'accuracy',
    label: l10n.t('Accuracy'),
    title: 'accuracy',
    unit: '%',
    better: 'higher',
    role: 'quality',
    format: POINTS,
  },
  {
    key: ACCURACY_DROP,
    label: l10n.t('Accuracy drop from the baseline, points'),
    title: 'drop',
    unit: '',
    better: 'lower',
    role: 'quality',
    format: POINTS,
    toBaseline: true,
  },
  { key: 'loss', label: l10n.t('Loss'), unit: 'nats/image', better: 'lower', role: 'quality' },
];

/** A comparison of vision transformers as everybody reads it: a point for each, means over its seeds. */
export function visionResults(comparison: VisionComparison): Results {
  const summaries = summarize(comparison);
  const { series, nameOf } = seriesOf(summaries.map(({ series: title, role }) => ({ title, role })));
  // What skips tokens is not smaller but faster: that is the first thing to look at.
  const sameSize = new Set(comparison.variants.map(({ parameters }) => parameters)).size === 1;
  const first = sameSize ? 'trainGain' : 'parameters';
  const seeds = new Set(comparison.trials.map(({ seed }) => seed)).size;
  return {
    version: RESULTS_VERSION,
    metrics: [...metrics()].sort((a, b) => Number(b.key === first) - Number(a.key === first)),
    series: [...series],
    points: summaries.map((summary) => pointOf(summary, nameOf({ title: summary.series, role: summary.role }))),
    table: {
      name: 'model',
      columns: [
        'parameters',
        'flopsPerImage',
        'accuracy',
        ACCURACY_DROP,
        'trainGain',
        'idealTrainGain',
        'inferenceGain',
        'memory',
      ],
      legend: [
        'accuracy: held-out images predicted correctly, in percent',
        `drop: from the baseline with the same seed, in points (${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ± deviation)`,
        'train, inference: throughput gained over the baseline, measured in turns',
        'ideal: the training throughput that the saved operations allow',
      ],
    },
    notes: notesOn(summaries),
    details: { ...comparison.facts },
  };
}

function pointOf(summary: VisionSummary, series: string): ResultPoint {
  const { name, role, accuracy, loss, accuracyDrop, times, checkpoint, heads, skip, seeds } = summary;
  // What the baseline gains against itself is noise; the others are held against none.
  const gain = (share: number | undefined) => (role === 'baseline' && share !== undefined ? 0 : share && 100 * share);
  const values = knownValues({
    parameters: summary.parameters,
    flopsPerImage: summary.flopsPerImage,
    trainGain: gain(times?.trainGain),
    idealTrainGain: 100 * summary.idealTrainGain,
    inferenceGain: gain(times?.inferenceGain),
    trainMilliseconds: times && 1000 * times.trainSecondsPerImage,
    inferenceMilliseconds: times && 1000 * times.inferenceSecondsPerImage,
    memory: times && times.memoryBytes / 1e6,
    accuracy: accuracy && 100 * accuracy.mean,
    [ACCURACY_DROP]: accuracyDrop && 100 * accuracyDrop.mean,
    loss: loss?.mean,
  });
  const spread = knownValues({
    accuracy: accuracy?.deviation && 100 * accuracy.deviation,
    [ACCURACY_DROP]: accuracyDrop?.deviation && 100 * accuracyDrop.deviation,
    loss: loss?.deviation,
  });
  return {
    name,
    series,
    seeds: [...seeds],
    values,
    spread,
    ...(checkpoint !== undefined && { checkpoint }),
    ...(heads && { heads }),
    details: {
      attention: summary.attention,
      trainingFlopsPerImage: summary.trainingFlopsPerImage,
      ...(skip && {
        skip: skip.kind,
        skipStart: skip.start,
        skipEnd: skip.end,
        keptPatches: skip.kept,
        patches: skip.patches,
        skipsWhenUsed: skip.whenUsed,
      }),
    },
  };
}

/** What the controls say: plainly, also where one wins. */
function notesOn(summaries: readonly VisionSummary[]): string[] {
  const members = summaries.filter(({ role, accuracy }) => role === 'member' && accuracy);
  const controls = summaries.filter(({ role, accuracy }) => role === 'control' && accuracy);
  return controls.flatMap((control) => {
    const own = members.find(({ skip }) => sameRange(skip, control.skip));
    if (!own) return [];
    const ahead = own.accuracy!.mean - control.accuracy!.mean;
    const by = (100 * Math.abs(ahead)).toFixed(2);
    return [
      ahead === 0
        ? l10n.t`${own.name} is as accurate as ${control.name}.`
        : ahead > 0
          ? l10n.t`${own.name} is ${by} points better than ${control.name}.`
          : l10n.t`${own.name} is ${by} points worse than ${control.name}.`,
    ];
  });
}

const sameRange = (a: VariantRecord['skip'], b: VariantRecord['skip']) =>
  a?.start === b?.start && a?.kept === b?.kept && a?.end === b?.end;

/** The headline of a run in lists: its best member, and what that costs against the baseline. */
export function visionResult(comparison: VisionComparison): Record<string, number> | undefined {
  const summaries = summarize(comparison).filter(({ accuracy }) => accuracy);
  const members = summaries.filter(({ role }) => role === 'member');
  const best = (members.length > 0 ? members : summaries).reduce<VisionSummary | undefined>(
    (most, one) => ((most?.accuracy?.mean ?? -1) >= one.accuracy!.mean ? most : one),
    undefined,
  );
  if (!best) return undefined;
  return {
    'heldOut/accuracy': best.accuracy!.mean,
    'heldOut/loss': best.loss!.mean,
    ...(best.accuracyDrop && { [`heldOut/${ACCURACY_DROP}`]: best.accuracyDrop.mean }),
    ...(best.times && best.role === 'member' && { trainGain: best.times.trainGain }),
    parameters: best.parameters,
  };
}
