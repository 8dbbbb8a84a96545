import * as l10n from '@vscode/l10n';
import {
  RANKS_COLUMN,
  RESULTS_VERSION,
  type Metric,
  type ResultPoint,
  type Results,
  type Series,
} from '../../../protocol/results';
import { knownValues } from '../../../comparison/known-values';
import { seriesOf } from '../../../comparison/series';
import { spreadOf } from '../../../protocol/statistics';
import type { FamilyFacts, MadeModel } from '../artifacts';
import { familyNotes } from './notes';

/** A model with the seed of its trial, if known. */
type FamilyModel = MadeModel & { readonly seed?: number };
type Kind = MadeModel['kind'];

const PERCENT = { as: 'fixed', digits: 1, suffix: '%' } as const;
const RATE = { as: 'fixed', digits: 0 } as const;

const metrics = (): readonly Metric[] => [
  {
    key: 'parameters',
    label: l10n.t('Parameters'),
    title: 'params',
    unit: '',
    better: 'lower',
    role: 'cost',
    format: { as: 'fixed', digits: 2, per: 1e6, suffix: 'M' },
  },
  {
    key: 'linearShare',
    label: l10n.t('Linear parameters kept'),
    title: 'linear',
    unit: '%',
    better: 'lower',
    role: 'cost',
    format: PERCENT,
  },
  { key: 'flopsPerToken', label: l10n.t('Operations per token'), unit: 'FLOP', better: 'lower', role: 'cost' },
  {
    key: 'trainingFlops',
    label: l10n.t('Training, all that went into the model'),
    title: 'train FLOP',
    unit: 'FLOP',
    better: 'lower',
    role: 'cost',
    format: { as: 'count' },
  },
  { key: 'meanRank', label: l10n.t('Mean rank'), unit: '', better: 'lower', role: 'degree' },
  {
    key: 'generateTokensPerSecond',
    label: l10n.t('Generation'),
    title: 'gen tok/s',
    unit: 'tokens/s',
    better: 'higher',
    role: 'cost',
    format: RATE,
    measured: true,
  },
  {
    key: 'trainTokensPerSecond',
    label: l10n.t('Training'),
    title: 'train tok/s',
    unit: 'tokens/s',
    better: 'higher',
    role: 'cost',
    format: RATE,
    measured: true,
  },
  {
    key: 'perplexity',
    label: l10n.t('Perplexity'),
    title: 'ppl',
    unit: '',
    better: 'lower',
    role: 'quality',
    format: { as: 'perplexity', spread: true },
  },
  { key: 'loss', label: l10n.t('Loss'), unit: 'nats/token', better: 'lower', role: 'quality' },
  { key: 'bitsPerByte', label: l10n.t('Bits per byte'), unit: '', better: 'lower', role: 'quality' },
  {
    key: 'accuracy',
    label: l10n.t('Next-token accuracy'),
    title: 'next-token',
    unit: '%',
    better: 'higher',
    role: 'quality',
    format: PERCENT,
  },
  {
    key: 'perplexityBeforeTraining',
    label: l10n.t('Perplexity before training'),
    unit: '',
    better: 'lower',
    role: 'quality',
  },
  { key: 'truncationError', label: l10n.t('Relative error of the weights'), unit: '', better: 'lower', role: 'degree' },
  {
    key: 'choice',
    label: l10n.t('Multiple-choice accuracy, mean of the tasks'),
    title: 'MC accuracy',
    unit: '%',
    better: 'higher',
    role: 'quality',
    format: PERCENT,
    tableOnly: true,
  },
];

const seriesOfKind = (match: FamilyFacts['match']): Record<Kind, Omit<Series, 'name'>> => ({
  parent: { title: l10n.t('Parent'), role: 'baseline' },
  nested: { title: l10n.t('Nested family'), role: 'member' },
  member: { title: l10n.t('Progressive family'), role: 'member' },
  truncation: { title: l10n.t('Truncated, not trained'), role: 'control' },
  separate: {
    title:
      match === 'cost'
        ? l10n.t('Separate models, same cost together')
        : l10n.t('Separate models, as many tokens together'),
    role: 'control',
  },
  'one-shot': {
    title: match === 'cost' ? l10n.t('One size, same cost') : l10n.t('One shot, trained as long'),
    role: 'control',
  },
});

/** The results of the families and their controls, in the order they were made: one point per model, over its seeds. */
export function familyResults(models: readonly FamilyModel[], facts: FamilyFacts): Results {
  const parent = models.find(({ kind }) => kind === 'parent');
  const tasks = [...new Set(models.flatMap((model) => Object.keys(model.tasks)))];
  const kinds = seriesOfKind(facts.match);
  const { series, nameOf } = seriesOf(models.map(({ kind }) => kinds[kind]));
  const names = [...new Set(models.map(({ name }) => name))];
  const seeds = new Set(models.flatMap(({ seed }) => seed ?? [])).size;
  const isCostKnown = models.some(({ trainingFlops }) => trainingFlops !== undefined);
  const isSpeedKnown = models.some(({ generateTokensPerSecond }) => generateTokensPerSecond !== undefined);
  return {
    version: RESULTS_VERSION,
    metrics: [
      ...metrics().filter(({ key }) => isCostKnown || key !== 'trainingFlops'),
      ...tasks.map((task): Metric => ({
        key: `task:${task}`,
        label: l10n.t`${task}: accuracy`,
        unit: '%',
        better: 'higher',
        role: 'quality',
      })),
    ],
    series: [...series],
    points: names.map((name) => {
      const own = models.filter((model) => model.name === name);
      return pointOf(own, nameOf(kinds[own[0]!.kind]), parent, sourceOf(own[0]!, models));
    }),
    table: {
      name: 'model',
      columns: [
        ...['parameters', 'linearShare', RANKS_COLUMN, 'perplexity', 'accuracy'],
        ...(tasks.length > 0 ? ['choice'] : []),
        isCostKnown ? 'trainingFlops' : 'trainTokensPerSecond',
        ...(isSpeedKnown ? ['generateTokensPerSecond'] : []),
      ],
      legend: [
        'linear: share of the linear parameters kept     ppl: perplexity on held-out text',
        tasks.length > 0
          ? 'next-token: next-token accuracy                 MC accuracy: of the multiple-choice tasks'
          : 'next-token: next-token accuracy',
        isCostKnown
          ? "train FLOP: operations of all training behind a model, the teacher's included"
          : isSpeedKnown
            ? 'train tok/s, gen tok/s: tokens per second in training and in generation'
            : 'train tok/s: tokens per second in training',
        ...(isCostKnown && isSpeedKnown ? ['gen tok/s: tokens per second in generation'] : []),
        ...(seeds > 1 ? [`± deviation over ${seeds} seeds`] : []),
      ],
    },
    notes: familyNotes(models, facts.match),
    details: { ...facts },
  };
}

/**
 * The model that another was made from: a member of a progressive family from the one before, a smaller size of a nested model
 * from the largest, and everything else from the parent.
 */
function sourceOf(model: FamilyModel, models: readonly FamilyModel[]): string | undefined {
  if (model.kind === 'parent') return undefined;
  const parent = models.find(({ kind }) => kind === 'parent')?.name;
  if (model.kind !== 'nested' && model.kind !== 'member') return parent;
  const family = [...new Set(models.filter(({ kind }) => kind === model.kind).map(({ name }) => name))];
  const index = family.indexOf(model.name);
  return index === 0 ? parent : family[model.kind === 'nested' ? 0 : index - 1];
}

/** @param own the same model with each of its seeds */
function pointOf(
  own: readonly FamilyModel[],
  series: string,
  parent: MadeModel | undefined,
  from: string | undefined,
): ResultPoint {
  const { name, ranks, targetRatio, trainedTokens, checkpoint, sizes } = own[0]!;
  const measured = own.map((model) => valuesOf(model, parent));
  const spreads = [...new Set(measured.flatMap((values) => Object.keys(values)))].map(
    (key) => [key, spreadOf(measured.flatMap((values) => values[key] ?? []))!] as const,
  );
  const deviations = spreads.flatMap(([key, { deviation }]) => (deviation ? [[key, deviation] as const] : []));
  return {
    name,
    series,
    ...(from !== undefined && { madeFrom: from }),
    seeds: own.flatMap(({ seed }) => seed ?? []),
    values: Object.fromEntries(spreads.map(([key, { mean }]) => [key, mean])),
    ...(deviations.length > 0 && { spread: Object.fromEntries(deviations) }),
    ranks,
    ...(checkpoint !== undefined && { checkpoint }),
    ...(sizes && { sizes }),
    details: { targetRatio, trainedTokens },
  };
}

const meanOf = (values: readonly number[]) =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

export function valuesOf(model: MadeModel, parent: MadeModel | undefined): Record<string, number> {
  // All tasks have equal weight.
  const choice = meanOf(Object.values(model.tasks).map(({ accuracy }) => accuracy));
  const measured: Record<string, number | undefined> = {
    parameters: model.parameters,
    linearShare: parent && (100 * model.linearParameters) / parent.linearParameters,
    flopsPerToken: model.flopsPerToken,
    meanRank: meanOf(Object.values(model.ranks)),
    generateTokensPerSecond: model.generateTokensPerSecond,
    trainingFlops: model.trainingFlops,
    trainTokensPerSecond: model.trainTokensPerSecond,
    perplexity: model.perplexity,
    loss: model.loss,
    bitsPerByte: model.bitsPerByte,
    accuracy: 100 * model.accuracy,
    perplexityBeforeTraining: model.perplexityBeforeTraining,
    truncationError: model.truncationError,
    choice: choice === undefined ? undefined : 100 * choice,
  };
  for (const [task, { accuracy }] of Object.entries(model.tasks)) measured[`task:${task}`] = 100 * accuracy;
  return knownValues(measured);
}
