import * as l10n from '@vscode/l10n';
import {
  RANKS_COLUMN,
  RESULTS_VERSION,
  type Metric,
  type ResultPoint,
  type Results,
  type Series,
} from '../../protocol/results';
import { formatAs } from '../../comparison/results-table';
import { knownValues } from '../../comparison/known-values';
import { seriesOf } from '../../comparison/series';
import type { FamilyFacts, MadeModel } from './artifacts';

/** A model with the seed of its run, if known. */
type FamilyModel = MadeModel & { readonly seed?: number };

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
    format: { as: 'perplexity' },
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

const seriesOfKind = (): Record<MadeModel['kind'], Omit<Series, 'name'>> => ({
  parent: { title: l10n.t('Parent'), role: 'baseline' },
  member: { title: l10n.t('Progressive family'), role: 'member' },
  truncation: { title: l10n.t('Truncated, not trained'), role: 'control' },
  'one-shot': { title: l10n.t('One shot, trained as long'), role: 'control' },
});

/** The results of the family and its controls, in the order they were made. */
export function familyResults(models: readonly FamilyModel[], facts: FamilyFacts): Results {
  const parent = models.find(({ kind }) => kind === 'parent');
  const tasks = [...new Set(models.flatMap((model) => Object.keys(model.tasks)))];
  const kinds = seriesOfKind();
  const { series, nameOf } = seriesOf(models.map(({ kind }) => kinds[kind]));
  const members = models.filter(({ kind }) => kind === 'member');
  return {
    version: RESULTS_VERSION,
    metrics: [
      ...metrics(),
      ...tasks.map((task): Metric => ({
        key: `task:${task}`,
        label: l10n.t`${task}: accuracy`,
        unit: '%',
        better: 'higher',
        role: 'quality',
      })),
    ],
    series: [...series],
    points: models.map((model): ResultPoint => {
      const { name, kind, seed, checkpoint, ranks, targetRatio, trainedTokens } = model;
      // A member is made from the member before it; a control directly from the parent.
      const from = kind === 'member' ? (members[members.indexOf(model) - 1] ?? parent) : parent;
      return {
        name,
        series: nameOf(kinds[kind]),
        ...(from && from !== model && { madeFrom: from.name }),
        seeds: seed === undefined ? [] : [seed],
        values: valuesOf(model, parent),
        ranks,
        ...(checkpoint !== undefined && { checkpoint }),
        details: { targetRatio, trainedTokens },
      };
    }),
    table: {
      name: 'model',
      columns: [
        ...['parameters', 'linearShare', RANKS_COLUMN, 'perplexity', 'accuracy', 'choice'],
        ...['trainTokensPerSecond', 'generateTokensPerSecond'],
      ],
      legend: [
        'linear: share of the linear parameters kept     ppl: perplexity on held-out text',
        'next-token: next-token accuracy                 MC accuracy: of the multiple-choice tasks',
        'train tok/s, gen tok/s: tokens per second in training and in generation',
      ],
    },
    notes: [compare(models, 'truncation'), compare(models, 'one-shot')].filter((note) => note !== undefined),
    details: { ...facts },
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

/** Compares the members with controls of the same size, including when a control wins. */
function compare(models: readonly MadeModel[], kind: 'truncation' | 'one-shot'): string | undefined {
  const pairs = models
    .filter((model) => model.kind === kind)
    .flatMap((control) => {
      const member = models.find((model) => model.kind === 'member' && model.targetRatio === control.targetRatio);
      return member ? [{ member, control }] : [];
    });
  if (pairs.length === 0) return undefined;
  const won = pairs.filter(({ member, control }) => member.perplexity < control.perplexity).length;
  const lines = pairs.map(({ member, control }) => {
    const [own, other] = [member, control].map((model) => formatAs(model.perplexity, { as: 'perplexity' }));
    return `  ${formatAs(100 * member.targetRatio, PERCENT).padStart(6)}  ${l10n.t`${own!.padStart(8)} against ${other!}`}`;
  });
  const control =
    kind === 'truncation'
      ? l10n.t('plain truncation of the parent')
      : l10n.t('truncating once and training on as many tokens');
  const verdict =
    pairs.length === 1
      ? l10n.t`Against ${control}: perplexity lower at ${won} of 1 size`
      : l10n.t`Against ${control}: perplexity lower at ${won} of ${pairs.length} sizes`;
  return [verdict, ...lines].join('\n');
}
