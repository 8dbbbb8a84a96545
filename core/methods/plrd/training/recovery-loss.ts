import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withoutGradient } from '../../../engine/ops/custom';
import { meanCrossEntropy, softCrossEntropy } from '../../../engine/ops/loss';
import type { Named } from '../../../engine/optimizer';
import type { DecoderConfig, Ranks } from '../../../models/decoder/config';
import type { TokenBatch } from '../../../models/decoder/language-model';
import { causalLogits } from '../../../models/decoder/language-model';
import { leading } from '../../../models/decoder/nested';
import type { LossFunction } from '../../../training/steps';
import type { PlrdConfig } from '../config';
import { total } from './divided';
import { halfOf, partOfEach } from './nested-draw';

type Distillation = PlrdConfig['distillation'];

const TEACHER = 'teacher/';

/** The parent's tensors under names that no model uses, so that they can be passed along with the frozen parameters. */
export const asTeacher = <T>(parameters: Named<T>): Record<string, T> =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [TEACHER + name, tensor]));

function teacherIn(frozen: Named<Tensor>): Named<Tensor> {
  const names = Object.keys(frozen).filter((name) => name.startsWith(TEACHER));
  return Object.fromEntries(names.map((name) => [name.slice(TEACHER.length), frozen[name]!]));
}

/** Whether training follows a teacher at all. */
export const isDistilled = ({ weight }: Distillation): boolean => weight > 0;

const comparesStates = (settings: Distillation): boolean => isDistilled(settings) && settings.hidden > 0;

/** Whether the parent has to be there in training. */
export const needsParent = (settings: Distillation, isNested: boolean): boolean =>
  isDistilled(settings) && !(isNested && settings.teacher === 'largest');

/** What a model predicts: logits [tokens, vocabulary], and, if they are compared, the states [tokens, hidden] after each block. */
interface Prediction {
  readonly scores: Tensor;
  readonly states: readonly Tensor[];
}

function predict(config: DecoderConfig, parameters: Named<Tensor>, inputs: Tensor, withStates: boolean): Prediction {
  const states: Tensor[] = [];
  const scores = causalLogits(config, parameters, inputs, withStates ? (state) => states.push(state) : undefined);
  return { scores, states };
}

/** The same as a constant: the gradient does not flow through it. */
function detached({ hidden, layers }: DecoderConfig, withStates: boolean, compute: () => Prediction): Prediction {
  const joined = withoutGradient(() => {
    const { scores, states } = compute();
    return withStates ? tf.concat([...states, scores], 1) : scores;
  });
  const [rows, columns] = joined.shape as [number, number];
  const cut = (from: number, width: number) => tf.slice(joined, [0, from], [rows, width]);
  if (!withStates) return { scores: joined, states: [] };
  return {
    scores: cut(layers * hidden, columns - layers * hidden),
    states: Array.from({ length: layers }, (_, i) => cut(i * hidden, hidden)),
  };
}

/**
 * (1 - w) · next-token loss + w (1 - h) T² H(teacher, student), both distributions softened by T (Hinton et al., 2015), + w h
 * times the mean over the blocks of ‖student's states - teacher's‖² / ‖teacher's‖² (TinyBERT's hidden states loss, Jiao et
 * al., 2020, relative to the size of the states). The paper trains on the next token alone.
 */
function lossOf(
  { weight, hidden, temperature }: Distillation,
  { scores, states }: Prediction,
  targets: Tensor,
  teacher: Prediction | undefined,
): Tensor {
  const own = () => meanCrossEntropy(scores, tf.reshape(targets, [-1]));
  if (!teacher) return own();
  const soften = (logits: Tensor) => (temperature === 1 ? logits : tf.div(logits, temperature));
  const parts: Tensor[] = [];
  if (weight < 1) parts.push(tf.mul(own(), 1 - weight));
  if (hidden < 1) {
    const follow = tf.mean(softCrossEntropy(soften(scores), tf.softmax(soften(teacher.scores))));
    parts.push(tf.mul(follow, weight * (1 - hidden) * temperature ** 2));
  }
  if (hidden > 0) {
    const errors = states.map((state, i) => {
      const expected = teacher.states[i]!;
      return tf.div(tf.sum(tf.square(tf.sub(state, expected))), tf.sum(tf.square(expected)));
    });
    parts.push(tf.mul(tf.addN(errors), (weight * hidden) / errors.length));
  }
  return parts.length === 1 ? parts[0]! : tf.addN(parts);
}

/** The loss of one model of one size: on the next token, and on what the parent computes if it is distilled. */
export function recoveryLoss(
  decoder: DecoderConfig,
  parent: DecoderConfig,
  settings: Distillation,
): LossFunction<TokenBatch> {
  const withStates = comparesStates(settings);
  return (own, { inputs, targets }, frozen) => {
    const teacher = isDistilled(settings) ? predict(parent, teacherIn(frozen), inputs, withStates) : undefined;
    return lossOf(settings, predict(decoder, { ...frozen, ...own }, inputs, withStates), targets, teacher);
  };
}

/** A size that a step trains, and the share of its sequences: [from, to) of the batch. */
interface Part {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** @param drawn the size that was drawn for the step, 0 for the largest */
function partsOf(settings: PlrdConfig['nested'], drawn: number, sizes: number, sequences: number): readonly Part[] {
  const { sizesPerStep } = settings;
  const smallest = sizes - 1;
  const whole = (size: number): Part => ({ size, from: 0, to: sequences });
  if (sizesPerStep === 'all') {
    let from = 0;
    return partOfEach(settings, sizes, sequences).map((count, size) => ({ size, from, to: (from += count) }));
  }
  if (sizesPerStep === 'sandwich') return [...new Set([0, drawn, smallest])].map(whole);
  if (sizesPerStep === 'one' || drawn === smallest) return [whole(drawn)];
  const half = halfOf(sequences);
  return [
    { size: smallest, from: 0, to: half },
    { size: drawn, from: half, to: sequences },
  ].filter(({ from, to }) => to > from);
}

/**
 * The loss of a nested model: the mean over the sequences that the step trains, each in the size that it trains.
 * @param decoder the model with the ranks of the largest size
 * @param sizes the ranks of each size, the largest first
 */
export function nestedLoss(
  decoder: DecoderConfig,
  sizes: readonly Ranks[],
  parent: DecoderConfig,
  settings: Distillation,
  settingsOfSizes: PlrdConfig['nested'],
): LossFunction<TokenBatch> {
  const withStates = comparesStates(settings);
  return (own, { inputs, targets }, frozen, drawn) => {
    const whole = { ...frozen, ...own };
    const [sequences, tokens] = inputs.shape as [number, number];
    const at = (size: number, ids: Tensor) => {
      const ranks = sizes[size]!;
      return predict({ ...decoder, ranks }, leading(whole, decoder.ranks, ranks), ids, withStates);
    };
    const cut = (rows: Tensor, { from, to }: Part, each: number) =>
      to - from === sequences ? rows : tf.slice(rows, [from * each, 0], [(to - from) * each, rows.shape[1]!]);
    const parts = partsOf(settingsOfSizes, drawn, sizes.length, sequences);
    const teacher = teacherOf();
    const trained = total(parts.map(({ from, to }) => to - from));
    const losses = parts.map((part) => {
      const expected = part.size === 0 && settings.teacher === 'largest' ? undefined : teacher;
      const loss = lossOf(
        settings,
        at(part.size, cut(inputs, part, 1)),
        cut(targets, part, 1),
        expected && rowsOf(expected, part),
      );
      return tf.mul(loss, (part.to - part.from) / trained);
    });
    return losses.length === 1 ? losses[0]! : tf.addN(losses);

    function teacherOf(): Prediction | undefined {
      if (!isDistilled(settings)) return undefined;
      if (settings.teacher === 'parent') return predict(parent, teacherIn(frozen), inputs, withStates);
      // The largest size itself learns from the text alone.
      if (parts.every(({ size }) => size === 0)) return undefined;
      return detached(decoder, withStates, () => at(0, inputs));
    }
    function rowsOf({ scores, states }: Prediction, part: Part): Prediction {
      return { scores: cut(scores, part, tokens), states: states.map((state) => cut(state, part, tokens)) };
    }
  };
}
