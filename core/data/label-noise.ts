import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';
import { NOISE_KINDS, type KnownNoise } from '../protocol/importance';
import { Random } from '../random';
import { Permutation } from './permutation';

/** Training labels that are made wrong on purpose: the `labelNoise` of data whose labels are classes. */
export const LabelNoiseConfig = z.strictObject({
  share: z
    .number()
    .min(0)
    .lt(1)
    .describe(
      'Share of the training labels that are made wrong, from 0 to below 1; with pairs, of those of the classes that are mistaken.',
    ),
  kind: z
    .enum(NOISE_KINDS)
    .default('random')
    .describe(
      "How a label becomes wrong: 'random' is any other class, each equally likely; 'pairs' is one certain other class for each class.",
    ),
  pairs: z
    .array(z.tuple([z.string(), z.string()]))
    .min(1)
    .optional()
    .describe(
      "With the kind 'pairs': names of classes, [true, mistaken for]. Default: each class is mistaken for the next, the last for the first.",
    ),
  seed: z
    .int()
    .nonnegative()
    .default(0)
    .describe('Determines which labels become wrong, whatever the seed of the run.'),
});
export type LabelNoiseConfig = z.infer<typeof LabelNoiseConfig>;

/** Identifiers of random streams. */
const STREAMS = { which: 301, class: 302 } as const;

/** The labels of training samples that were made wrong, and what they were before. */
export interface MadeNoise extends KnownNoise {
  /** Class index of a sample before. */
  readonly trueLabel: (index: number) => number;
}

/** What a set of samples must tell, so that its labels can be made wrong. */
interface Labels {
  readonly size: number;
  readonly classes: readonly string[];
  label(index: number): number;
}

/**
 * Makes a share of the labels wrong, exactly that share up to rounding: symmetric or pair-flip label noise, as in the
 * literature on noisy labels (Patrini et al., 2017; Han et al., 2018). It depends only on the labels and the setting.
 * @throws UserError `data.label-noise` as `mistakesOf`
 */
export function makeNoisy(
  set: Labels,
  noise: LabelNoiseConfig,
): { readonly label: (index: number) => number; readonly noise: MadeNoise } {
  const { share, kind, seed } = noise;
  const mistakenFor = mistakesOf(noise, set.classes);
  const labels = Int32Array.from({ length: set.size }, (_, index) => set.label(index));
  const candidates = Int32Array.from(labels.keys()).filter((index) => !mistakenFor || mistakenFor.has(labels[index]!));
  const flipped = Math.round(share * candidates.length);
  const order = new Permutation(Math.max(1, candidates.length), STREAMS.which, seed);
  candidates.forEach((index, i) => {
    if (order.at(i) >= flipped) return;
    const label = labels[index]!;
    const other = new Random(STREAMS.class, seed, index).int(set.classes.length - 1);
    labels[index] = mistakenFor?.get(label) ?? (other < label ? other : other + 1);
  });
  const trueLabel = (index: number) => set.label(index);
  return { label: (index) => labels[index]!, noise: { share, kind, seed, flipped, trueLabel } };
}

/** What a plan says about the labels of its data: nothing if they are as they came. */
export function noiseStages(noise: LabelNoiseConfig | undefined): string[] {
  if (!noise || noise.share === 0) return [];
  const share = Number((100 * noise.share).toPrecision(3));
  return noise.kind === 'pairs'
    ? [l10n.t`an experiment: ${share} % of the training labels are made wrong, one class for another (labelNoise)`]
    : [l10n.t`an experiment: ${share} % of the training labels are made wrong by chance (labelNoise)`];
}

/** What a log says about labels that were made wrong. */
export const noiseLine = ({ flipped, kind, seed }: KnownNoise, size: number): string =>
  `labelNoise: ${flipped} of ${size} training labels were made wrong (${kind}, seed ${seed}); the evaluation labels are as they came.`;

/**
 * The class that each class is mistaken for; only classes that are. Undefined if it is any other class.
 * @throws UserError `data.label-noise` if labels are not classes, or a pair names no class
 */
export function mistakesOf(
  { kind, pairs }: LabelNoiseConfig,
  classes: readonly string[],
): ReadonlyMap<number, number> | undefined {
  if (classes.length < 2)
    throw new UserError(
      'data.label-noise',
      l10n.t('labelNoise exchanges classes, but these labels are numbers.'),
      l10n.t('Remove data.labelNoise.'),
    );
  if (pairs && kind !== 'pairs')
    throw new UserError(
      'data.label-noise',
      l10n.t('labelNoise lists pairs of classes, but its kind is "random".'),
      l10n.t('Set data.labelNoise.kind to "pairs", or remove the pairs.'),
      { fixes: [{ title: l10n.t('Use the pairs'), key: 'data.labelNoise.kind', value: 'pairs' }] },
    );
  if (kind === 'random') return undefined;
  if (!pairs) return new Map(classes.map((_, label) => [label, (label + 1) % classes.length]));
  const indexOf = (name: string) => {
    const index = classes.indexOf(name);
    if (index >= 0) return index;
    throw new UserError(
      'data.label-noise',
      l10n.t`labelNoise names the class ${JSON.stringify(name)}, which the data does not have.`,
      l10n.t`The classes are ${classes
        .slice(0, NAMED)
        .map((one) => JSON.stringify(one))
        .join(', ')}.`,
    );
  };
  const found = new Map<number, number>();
  for (const [from, to] of pairs) {
    const [label, other] = [indexOf(from), indexOf(to)];
    if (label === other || found.has(label))
      throw new UserError(
        'data.label-noise',
        label === other
          ? l10n.t`labelNoise mistakes ${JSON.stringify(from)} for itself.`
          : l10n.t`labelNoise mistakes ${JSON.stringify(from)} for two classes.`,
        l10n.t('List each class once, with another class, in data.labelNoise.pairs.'),
      );
    found.set(label, other);
  }
  return found;
}

const NAMED = 20;
