import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { inverseOrder, permuteRows } from '../../engine/ops/permute';
import type { Named } from '../../engine/optimizer';
import { patchCount, prefixTokens, type VitConfig } from './config';
import type { Skip } from './cost';
import { block, classify, clsAttention, embed, features, type BlockOptions } from './forward';

export type { Skip, SkipKind } from './cost';

/** Images and what is drawn for them. */
export interface VitInputs {
  /** [batch, channels, side, side], normalized. */
  readonly images: Tensor;
  /** Scores of the patches where `kind` is 'random': [batch, patches]. */
  readonly random?: Tensor;
  /** The factors of stochastic depth of each block. */
  readonly dropPath?: (layer: number) => BlockOptions['dropPath'];
}

export interface VitOutputs {
  /** [batch, classes] */
  readonly logits: Tensor;
  /** What the classifier made them from: [batch, hidden]. */
  readonly features: Tensor;
  /** Scores that decided, [batch, patches]; absent without a skip. */
  readonly scores?: Tensor;
  /** Patches from the most to the least important, int32 [batch, patches]: the first `kept` stayed. */
  readonly order?: Tensor;
}

/**
 * A vision transformer whose least important patches skip both attention and MLP in a range of blocks.
 * Static shapes: as many patches are skipped in every image, so that what is saved is time.
 */
export function vitForward(config: VitConfig, parameters: Named<Tensor>, inputs: VitInputs, skip?: Skip): VitOutputs {
  let x = embed(config, parameters, inputs.images);
  let left: Left | undefined;
  let choice: { scores: Tensor; order: Tensor } | undefined;
  let before = x;
  for (let layer = 0; layer < config.layers; layer++) {
    if (layer === skip?.start) {
      choice = choose(config, parameters, before, inputs, skip);
      ({ stayed: x, left } = split(config, x, choice, skip));
    }
    if (left && layer === skip?.end) {
      x = comeBack(x, left);
      left = undefined;
    }
    before = x;
    x = block(config, parameters, layer, x, { ...optional('dropPath', inputs.dropPath?.(layer)) });
  }
  // The classifier reads the CLS token alone: what would come back after the last block has no more effect.
  const read = features(config, parameters, x);
  return { logits: classify(config, parameters, read), features: read, ...choice };
}

const optional = <Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> =>
  value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);

/** @param before what the block before the range was given: the scores are those of its attention */
function choose(config: VitConfig, parameters: Named<Tensor>, before: Tensor, inputs: VitInputs, skip: Skip) {
  const scores = skip.kind === 'random' ? inputs.random : clsAttention(config, parameters, skip.start - 1, before);
  if (!scores) throw new Error('a random skip needs random scores');
  return { scores, order: tf.topk(scores, patchCount(config)).indices };
}

interface Left {
  readonly tokens: Tensor;
  /** Where the rows of (stayed, left) belong, int32 [batch, prefix + patches]. */
  readonly order: Tensor;
}

function split(config: VitConfig, x: Tensor, { scores, order }: { scores: Tensor; order: Tensor }, skip: Skip) {
  const [batch, tokens, hidden] = x.shape as [number, number, number];
  const prefix = prefixTokens(config);
  const first = tf.tile(tf.reshape(tf.range(0, prefix, 1, 'int32'), [1, prefix]), [batch, 1]);
  const rows = tf.concat([first, tf.add(order, tf.scalar(prefix, 'int32'))], 1);
  const sorted = permuteRows(x, rows);
  const staying = prefix + skip.kept;
  const stayed = tf.slice(sorted, [0, 0, 0], [batch, staying, hidden]);
  const gone = tf.slice(sorted, [0, staying, 0], [batch, tokens - staying, hidden]);
  if (skip.kind !== 'fuse') return { stayed, left: { tokens: gone, order: rows } satisfies Left };
  // In the order of the patches, with the gradient that a largest-k has not.
  const ordered = permuteRows(tf.expandDims(scores, 2), order);
  const weights = tf.slice(ordered, [0, skip.kept, 0], [batch, patchCount(config) - skip.kept, 1]);
  const fused = tf.sum(tf.mul(gone, tf.div(weights, tf.sum(weights, 1, true))), 1, true);
  return { stayed: tf.concat([stayed, fused], 1), left: undefined };
}

/** The tokens that left take their old places again. */
function comeBack(x: Tensor, { tokens, order }: Left): Tensor {
  return permuteRows(tf.concat([x, tokens], 1), inverseOrder(order));
}

/** How many patches stay in each epoch of a training. */
export interface SkipPlan {
  /** The range, with the patches that stay in the end. */
  readonly skip: Skip;
  /** @param epoch from 0, with its fraction */
  readonly keptAt: (epoch: number) => number;
}
