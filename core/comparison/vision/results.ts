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

/** The trials of a comparison of vision transformers that have finished so far. */
export interface VisionComparison {
  readonly facts: VisionFacts;
  readonly variants: readonly VariantRecord[];
  readonly trials: readonly DoneTrial<VisionOutcome>[];
  /** Times of the variants that were measured in turns with the baseline. */
  readonly times: readonly VariantTimes[];
}

/** A variant with the results of its trainings. */
export interface VisionSummary extends VariantRecord {
  /** Over the seeds; undefined before the first training has ended. */
  readonly accuracy: Spread | undefined;
  readonly loss: Spread | undefined;
  /** Accuracy of the baseline minus the variant's, with the same seeds; undefined for the baseline itself. */
  readonly accuracyDrop: Spread | undefined;
  /** Training throughput gain that the saved FLOPs would allow, as a fraction of the baseline's throughput. */
  readonly idealTrainGain: number;
  readonly times: VariantTimes | undefined;
  readonly seeds: readonly number[];
  readonly checkpoint: string | undefined;
}

/** Summarizes every variant, in order. */
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

/** The results of a comparison: one point per variant, with means over its seeds. */
export function visionResults(comparison: VisionComparison): Results {
  const summaries = summarize(comparison);
  const { series, nameOf } = seriesOf(summaries.map(({ series: title, role }) => ({ title, role })));
  // Models that skip tokens are faster, not smaller, so speed comes first.
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
    notes: notesOn(summaries, comparison.trials),
    details: { ...comparison.facts },
  };
}

function pointOf(summary: VisionSummary, series: string): ResultPoint {
  const { name, role, accuracy, loss, accuracyDrop, times, checkpoint, heads, skip, seeds } = summary;
  // The baseline's gain over itself is noise, so it is shown as 0.
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

/** Notes that compare members with their controls, including when a control wins. */
function notesOn(summaries: readonly VisionSummary[], trials: VisionComparison['trials']): string[] {
  const members = summaries.filter(({ role, accuracy }) => role === 'member' && accuracy);
  const controls = summaries.filter(({ role, accuracy }) => role === 'control' && accuracy);
  return controls.flatMap((control) => {
    const own = members.find(({ skip }) => sameRange(skip, control.skip));
    // While the run is not finished, one of them may have more seeds than the other.
    const pairs = own ? pairedBySeed(trials, own.name, control.name) : [];
    if (!own || pairs.length === 0) return [];
    const ahead = spreadOf(pairs.map((pair) => pair.own.accuracy - pair.base.accuracy))!.mean;
    const by = (100 * Math.abs(ahead)).toFixed(2);
    return [
      by === '0.00'
        ? l10n.t`${own.name} is as accurate as ${control.name}.`
        : ahead > 0
          ? l10n.t`${own.name} is ${by} points better than ${control.name}.`
          : l10n.t`${own.name} is ${by} points worse than ${control.name}.`,
    ];
  });
}

const sameRange = (a: VariantRecord['skip'], b: VariantRecord['skip']) =>
  a?.start === b?.start && a?.kept === b?.kept && a?.end === b?.end;

/** The summary of a run in lists: its best member, and that member's cost compared with the baseline. */
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
