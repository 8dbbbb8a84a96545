import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { inverseOrder, permuteRows } from '../../engine/ops/permute';
import type { Named } from '../../engine/optimizer';
import { patchCount, prefixTokens, type VitConfig } from './config';
import type { Skip } from './cost';
import { block, classify, clsAttention, embed, features, type BlockOptions } from './forward';

export type { Skip, SkipKind } from './cost';

/** Images, and what is drawn at random for them. */
export interface VitInputs {
  /** [batch, channels, side, side], normalized. */
  readonly images: Tensor;
  /** Scores of the patches if `kind` is 'random': [batch, patches]. */
  readonly random?: Tensor;
  /** The stochastic depth factors of each block. */
  readonly dropPath?: (layer: number) => BlockOptions['dropPath'];
}

export interface VitOutputs {
  /** [batch, classes] */
  readonly logits: Tensor;
  /** The input of the classifier: [batch, hidden]. */
  readonly features: Tensor;
  /** Scores that decided which patches are skipped, [batch, patches]; absent without a skip. */
  readonly scores?: Tensor;
  /** Patches from the most to the least important, int32 [batch, patches]: the first `kept` were not skipped. */
  readonly order?: Tensor;
}

/**
 * A vision transformer whose least important patches skip both attention and MLP in a range of blocks. Shapes are
 * static: the same number of patches is skipped in every image, which is what saves time.
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
  // The classifier reads only the CLS token: patches that return after the last block would have no effect.
  const read = features(config, parameters, x);
  return { logits: classify(config, parameters, read), features: read, ...choice };
}

const optional = <Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> =>
  value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);

/** @param before input of the block before the range: the scores are those of its attention */
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
  // Sorted by importance with a permutation, which has a gradient; top-k has none.
  const ordered = permuteRows(tf.expandDims(scores, 2), order);
  const weights = tf.slice(ordered, [0, skip.kept, 0], [batch, patchCount(config) - skip.kept, 1]);
  const fused = tf.sum(tf.mul(gone, tf.div(weights, tf.sum(weights, 1, true))), 1, true);
  return { stayed: tf.concat([stayed, fused], 1), left: undefined };
}

/** The skipped tokens return to their places. */
function comeBack(x: Tensor, { tokens, order }: Left): Tensor {
  return permuteRows(tf.concat([x, tokens], 1), inverseOrder(order));
}

/** How many patches are kept in each epoch of training. */
export interface SkipPlan {
  /** The range, with the final number of kept patches. */
  readonly skip: Skip;
  /** @param epoch from 0, may be fractional */
  readonly keptAt: (epoch: number) => number;
}
