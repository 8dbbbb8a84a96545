import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { DecoderConfig } from '../../models/decoder/config';
import { flopsPerToken, type LinearLayer } from '../../models/decoder/layout';
import type { PlrdConfig } from './config';
import { evenRanks, notAbove, scheduleRatios } from './allocation/ranks';
import { stepCost } from './training/cost';
import { divided, total } from './training/divided';
import { halfOf, partOfEach, sizeShares } from './training/nested-draw';

/** One model that a run makes: a member of a family, or a control. */
export interface Stage {
  readonly name: string;
  readonly kind: 'nested' | 'member' | 'truncation' | 'one-shot' | 'separate';
  /** Number of its size, from 0 for the largest. */
  readonly index: number;
  /** Fraction of the decomposable parameters that remain. */
  readonly ratio: number;
  /** The rank of every layer, if the schedule gives ranks. */
  readonly rank: number | undefined;
  /** The stage whose model this one starts from; undefined for the parent. */
  readonly from: string | undefined;
  /** Optimizer steps that it is trained for. The smaller sizes of a nested model are trained with the largest: none of their own. */
  readonly steps: number;
  /** Optimizer steps whose text was read before: each member of a progressive family reads new text. */
  readonly offset: number;
  /** Optimizer steps of all training that the model has behind it. */
  readonly trainedSteps: number;
  /** Optimizer steps of a whole progressive family. */
  readonly familySteps: number;
  /** Operations per token of one of its own steps, the teacher's included, FLOP; the mean over the sizes of a nested model. */
  readonly stepCost: number;
  /** Operations per token of a step times steps, over all training that the model has behind it, FLOP. */
  readonly cost: number;
}

/** Labels for ratios: whole percentages if these are unique, otherwise with as many decimals as needed. */
function labelsOf(ratios: readonly number[]): string[] {
  for (let digits = 0; ; digits++) {
    const labels = ratios.map((ratio) => `${(100 * ratio).toFixed(digits)}pct`);
    if (new Set(labels).size === labels.length || digits === MAX_DIGITS) return labels;
  }
}

const MAX_DIGITS = 6;

/** Tokens of an optimizer step. */
export const tokensPerOptimizerStep = ({ training, data }: Pick<PlrdConfig, 'training' | 'data'>): number =>
  training.batchSize * training.accumulate * data.blockLength;

/**
 * A size of the family, and a model that costs what it costs: exact for uniform ranks; other allocations fill their budget, as
 * ranks in multiples of one do.
 */
export interface FamilySize {
  readonly ratio: number;
  readonly rank: number | undefined;
  readonly label: string;
  readonly decoder: DecoderConfig;
}

/** The sizes of the schedule, the largest first. @throws UserError `plrd.schedule`, `plrd.target-*` */
export function sizesOf(
  config: Pick<PlrdConfig, 'schedule' | 'rankMultiple' | 'allocation'>,
  parent: DecoderConfig,
  layers: readonly LinearLayer[],
): FamilySize[] {
  const { schedule } = config;
  const multiple = config.allocation === 'uniform' ? config.rankMultiple : 1;
  const ratios = scheduleRatios(config, parent, layers);
  const labels = labelsOf(ratios);
  return ratios.map((ratio, i) => {
    const rank = schedule.by === 'rank' ? schedule.values[i] : undefined;
    const ranks = notAbove(evenRanks(layers, { ratio, rank }, multiple), parent.ranks);
    return { ratio, rank, label: labels[i]!, decoder: { ...parent, ranks: { ...parent.ranks, ...ranks } } };
  });
}

/** What is particular to a stage; the rest follows from its size. */
type Made = Pick<Stage, 'name' | 'kind' | 'steps'> & Partial<Stage>;

/** The stages of a run in order: the families, then their controls. */
export function stagesOf(config: PlrdConfig, parent: DecoderConfig, layers: readonly LinearLayer[]): readonly Stage[] {
  const { controls, families } = config;
  const sizes = sizesOf(config, parent, layers);
  requireConsistent(config, sizes.length);
  const budgets = new Budgets(config, parent, sizes);
  const each = (stage: (index: number, label: string) => Made): Stage[] =>
    sizes.map(({ label, ratio, rank }, index) => {
      const made = stage(index, label);
      return {
        index,
        ratio,
        rank,
        from: undefined,
        offset: 0,
        trainedSteps: made.steps,
        familySteps: total(budgets.memberSteps),
        stepCost: budgets.costOf(index),
        cost: made.steps * budgets.costOf(index),
        ...made,
      };
    });

  const wholeName = `nested-${sizes[0]!.label}`;
  const nested = each((index, label) => ({
    name: `nested-${label}`,
    kind: 'nested',
    steps: index === 0 ? budgets.nestedSteps : 0,
    trainedSteps: budgets.nestedSteps,
    stepCost: budgets.nestedCost / budgets.nestedSteps,
    cost: budgets.nestedCost,
    ...(index > 0 && { from: wholeName }),
  }));
  const memberName = (index: number) => `member-${index + 1}-${sizes[index]!.label}`;
  const members = each((index) => {
    const [steps, offset] = [budgets.memberSteps[index]!, total(budgets.memberSteps.slice(0, index))];
    return {
      name: memberName(index),
      kind: 'member',
      steps,
      offset,
      trainedSteps: offset + steps,
      cost: budgets.memberCost(index),
      ...(index > 0 && { from: memberName(index - 1) }),
    };
  });
  const truncations = each((_, label) => ({ name: `truncation-${label}`, kind: 'truncation', steps: 0 }));
  const separate = each((index, label) => ({
    name: `separate-${label}`,
    kind: 'separate',
    steps: budgets.separateSteps(index),
  }));
  const oneShots = each((index, label) => ({
    name: `one-shot-${label}`,
    kind: 'one-shot',
    steps: budgets.oneShotSteps(index),
  }));
  // The first member of a progressive family has seen what a one-shot of its size has seen: it is one.
  const different = controls.match === 'seen' && families[0] === 'progressive' ? oneShots.slice(1) : oneShots;
  const familyOf = { nested, progressive: members };
  return [
    ...[...new Set(families)].flatMap((family) => familyOf[family]),
    ...(controls.truncation ? truncations : []),
    ...(controls.oneShotFamily ? separate : []),
    ...(controls.oneShot === 'all' ? different : controls.oneShot === 'last' ? different.slice(-1) : []),
  ];
}

/** Whether the model of a stage is saved: untrained truncations can be remade in seconds. */
export const isKept = ({ trainedSteps }: Stage): boolean => trainedSteps > 0;

/** @throws UserError `plrd.nested-batch`, `plrd.nested-shares`, `plrd.progressive-shares` */
function requireConsistent({ nested, progressive, training, families }: PlrdConfig, sizes: number): void {
  const trained = { all: sizes, split: Math.min(2, sizes), one: 1, sandwich: 1 }[nested.sizesPerStep];
  if (families.includes('nested') && training.batchSize < trained)
    throw new UserError(
      'plrd.nested-batch',
      l10n.t`training.batchSize is ${training.batchSize}, but each step trains ${trained} sizes, each on sequences of its own.`,
      l10n.t`Set training.batchSize to ${trained} at least, or nested.sizesPerStep to 'one'.`,
    );
  for (const [key, shares] of Object.entries({ nested: nested.shares, progressive: progressive.shares }))
    if (shares && shares.length !== sizes)
      throw new UserError(
        `plrd.${key}-shares`,
        l10n.t`${key}.shares has ${shares.length} values for ${sizes} sizes.`,
        l10n.t('Give one for each value of schedule.values, or leave it out.'),
      );
}

/** How many optimizer steps each model is trained for, and what they cost. */
class Budgets {
  readonly nestedSteps: number;
  /** Operations per token of a step, times the steps of the nested model. */
  readonly nestedCost: number;
  /** Steps of each member of a progressive family, the largest first. */
  readonly memberSteps: readonly number[];
  /** Operations per token of a step that trains one size alone. */
  readonly costOf: (index: number) => number;

  readonly #config: PlrdConfig;
  readonly #sizes: number;

  constructor(config: PlrdConfig, parent: DecoderConfig, sizes: readonly FamilySize[]) {
    this.#config = config;
    this.#sizes = sizes.length;
    const { nested, progressive, distillation } = config;
    const perMember = Math.max(1, Math.round(config.tokensPerStep / tokensPerOptimizerStep(config)));
    const steps = perMember * sizes.length;
    this.memberSteps = divided(steps, progressive.shares ?? sizes.map(() => 1));

    const context = config.data.blockLength / 2;
    const flops = sizes.map(({ decoder }) => flopsPerToken(decoder, context));
    const [largest, smallest] = [flops[0]!, flops.at(-1)!];
    const teachers = { parent: flopsPerToken(parent, context) };
    this.costOf = (index) => stepCost([flops[index]!], distillation, teachers);

    const { sizesPerStep } = nested;
    this.nestedSteps = Math.max(1, Math.round(steps / (sizesPerStep === 'sandwich' ? SIZES_OF_A_SANDWICH : 1)));
    const { batchSize } = config.training;
    const rows = partOfEach(nested, sizes.length, batchSize).map((count) => count / batchSize);
    const half = halfOf(batchSize) / batchSize;
    const trainedWith = (own: number) =>
      ({
        one: [own],
        split: [(1 - half) * own, half * smallest],
        all: flops.map((each, i) => each * rows[i]!),
        sandwich: [...new Set([largest, own, smallest])],
      })[sizesPerStep];
    const costs = flops.map((own) => stepCost(trainedWith(own), distillation, { ...teachers, largest }));
    const mean = sizeShares(nested, sizes.length).reduce((sum, share, i) => sum + share * costs[i]!, 0);
    this.nestedCost = this.nestedSteps * mean;
  }

  /** What a member of a progressive family costs, those before it included. */
  memberCost(index: number): number {
    return this.memberSteps.slice(0, index + 1).reduce((sum, steps, i) => sum + steps * this.costOf(i), 0);
  }

  /** Steps for one size on all that the family has spent. */
  oneShotSteps(index: number): number {
    const { controls, families } = this.#config;
    if (controls.match === 'seen' && families[0] === 'progressive') return total(this.memberSteps.slice(0, index + 1));
    return this.#matched(index, 1);
  }

  /** Steps for one size on an equal share of what the family has spent. */
  separateSteps(index: number): number {
    return this.#matched(index, 1 / this.#sizes);
  }

  #matched(index: number, share: number): number {
    const isNested = this.#config.families[0] === 'nested';
    const cost = isNested ? this.nestedCost : this.memberCost(this.#sizes - 1);
    const steps = isNested ? this.nestedSteps : total(this.memberSteps);
    return Math.max(
      1,
      Math.round(share * (this.#config.controls.match === 'cost' ? cost / this.costOf(index) : steps)),
    );
  }
}

const SIZES_OF_A_SANDWICH = 3;
