import { f32, type HostTensor } from '../../engine/host';
import type { EncoderConfig } from './config';
import { names } from './layout';

/** Size (RMS) of the position waves, in standard deviations of the initialized words, which blur them. */
const WAVE_HEIGHT = 2;

/** Shortest and longest wave, in tokens: the short ones distinguish neighbors, the long ones the ends of a text. */
const SHORTEST_WAVE = 2.5;
const LONGEST_WAVE = 80;

/** Initial attention score of a head for the token at its offset; the attention weight is the exponential of it. */
const SHARPNESS = 8.5;

/** Share of the random initialization that is kept in queries and keys, so that it does not drown the positions. */
const CHANCE = 0.2;

/** Initial offsets of the heads of a block, in turn. */
const OFFSETS = [-1, 1, -2, 2, -3, 3, -4, 4];

/**
 * Initializes the heads of the first blocks to attend to neighboring tokens: the previous one, the next one, the second
 * before, and so on.
 *
 * Absolute positions do not express neighborhood until training has discovered it, and on a few million tokens it does
 * not: the loss of masked tokens stays where word frequencies alone bring it. Here positions begin as sines and cosines
 * (Vaswani et al., 2017, section 3.5), for which a shift is a rotation, and the queries of each head are the position
 * rotated by its offset. Everything remains trainable, and the model is an ordinary BERT. (Initialization that
 * resembles trained attention: Trockman and Kolter, 2023.)
 *
 * @param parameters initialized weights; position embeddings, queries and keys are replaced in the result
 * @param blocks how many blocks begin like this, from the first
 */
export function lookAtNeighbors(
  config: EncoderConfig,
  parameters: Readonly<Record<string, HostTensor<'float32'>>>,
  blocks: number,
): Record<string, HostTensor<'float32'>> {
  const { hidden, headDim, heads, initializerRange, maxPositions } = config;
  if (blocks === 0) return { ...parameters };
  const name = names(config);
  const result = { ...parameters };
  const edit = (key: string, change: (data: Float32Array) => void) => {
    const { shape, data } = parameters[key]!;
    const copy = data.slice();
    change(copy);
    result[key] = f32(shape, copy);
  };

  const pairs = Math.floor(headDim / 2);
  const speeds = Array.from({ length: pairs }, (_, i) => {
    const wave = SHORTEST_WAVE * (LONGEST_WAVE / SHORTEST_WAVE) ** (i / pairs);
    return (2 * Math.PI) / wave;
  });
  edit(name.positions, (table) => {
    const height = WAVE_HEIGHT * initializerRange * Math.SQRT2;
    for (let position = 0; position < maxPositions; position++)
      for (const [i, speed] of speeds.entries()) {
        table[position * hidden + i] = height * Math.cos(speed * position);
        table[position * hidden + pairs + i] = height * Math.sin(speed * position);
      }
  });

  // After the embedding norm: words in all dimensions, and random positions of the same standard deviation in the
  // dimensions without waves (BERT's segments are ignored here: they blur it a little more).
  const waves = (2 * pairs) / hidden;
  const squareHeight = (2 * WAVE_HEIGHT ** 2) / (1 + (1 - waves) + waves * WAVE_HEIGHT ** 2);
  const gain = Math.sqrt((SHARPNESS * Math.sqrt(headDim)) / (pairs * squareHeight));
  for (let index = 0; index < Math.min(blocks, config.layers); index++) {
    const { query, key } = name.block(index);
    const eachHead = (weights: Float32Array, angle: (head: number, speed: number) => number) => {
      for (let i = 0; i < weights.length; i++) weights[i] = weights[i]! * CHANCE;
      const add = (row: number, column: number, value: number) => {
        weights[row * hidden + column] = weights[row * hidden + column]! + gain * value;
      };
      for (let head = 0; head < heads; head++)
        for (const [i, speed] of speeds.entries()) {
          const [cosine, sine] = [Math.cos(angle(head, speed)), Math.sin(angle(head, speed))];
          const row = head * headDim + i;
          add(row, i, cosine);
          add(row, pairs + i, -sine);
          add(row + pairs, i, sine);
          add(row + pairs, pairs + i, cosine);
        }
    };
    edit(`${query}.weight`, (weights) => {
      eachHead(weights, (head, speed) => speed * OFFSETS[head % OFFSETS.length]!);
    });
    edit(`${key}.weight`, (weights) => {
      eachHead(weights, () => 0);
    });
  }
  return result;
}
