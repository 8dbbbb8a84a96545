import * as tf from '@tensorflow/tfjs-core';
import { i32, type HostTensor } from '../../core/engine/host';
import { crossEntropy } from '../../core/engine/ops/loss';
import type { Named } from '../../core/engine/optimizer';
import { parseEncoderConfig, type EncoderConfig } from '../../core/models/encoder/config';
import { flopsPerSequence } from '../../core/models/encoder/cost';
import { classifySequences } from '../../core/models/encoder/forward';
import { initializeEncoder } from '../../core/models/encoder/initialize';
import { countEncoderParameters } from '../../core/models/encoder/layout';
import { Random } from '../../core/random';
import type { Subject } from './subject';

/** MiniLM with 6 blocks of width 384, the small encoder that is fine-tuned most, as its `config.json`. */
const MINILM = {
  model_type: 'bert',
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  vocab_size: 30_522,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  num_labels: 2,
};
const BATCH = 8;
const TOKENS = 128;

/** Sequences of some lengths, padded to one, with labels that one of their words decides. */
function syntheticBatch({ vocabulary, padId }: EncoderConfig, seed: number): Named<HostTensor> {
  const random = new Random(seed);
  const shape = [BATCH, TOKENS];
  const ids = new Int32Array(BATCH * TOKENS).fill(padId);
  const mask = new Int32Array(BATCH * TOKENS);
  const targets = new Int32Array(BATCH);
  for (let row = 0; row < BATCH; row++) {
    const length = TOKENS / 2 + random.int(TOKENS / 2 + 1);
    for (let i = 0; i < length; i++) ids[row * TOKENS + i] = 1 + Math.floor(random.uniform() ** 3 * (vocabulary - 1));
    mask.fill(1, row * TOKENS, row * TOKENS + length);
    targets[row] = ids[row * TOKENS]! % 2;
  }
  const types = i32(shape, new Int32Array(BATCH * TOKENS));
  return { ids: i32(shape, ids), mask: i32(shape, mask), types, targets: i32([BATCH], targets) };
}

/** An encoder of the bench to be fine-tuned to tell two classes of texts apart. */
export function encoderSubject(): Subject {
  const config = parseEncoderConfig(MINILM);
  return {
    architecture: 'Encoder',
    description:
      `${(countEncoderParameters(config, 'sequence') / 1e6).toFixed(2)} M parameters: MiniLM, ${config.layers} blocks, d ${config.hidden}, ` +
      `${config.heads} heads, vocabulary ${config.vocabulary};\n${BATCH} sequences of 64 to ${TOKENS} tokens, two classes, ` +
      'AdamW, decay, clipping; GFLOP/s count 3 forward passes.',
    config: MINILM,
    parameters: initializeEncoder(config, 'sequence', 0),
    batches: Array.from({ length: 4 }, (_, i) => syntheticBatch(config, i)),
    loss: (parameters, { ids, mask, types, targets }) =>
      tf.mean(crossEntropy(classifySequences(config, parameters, { ids: ids!, mask: mask!, types: types! }), targets!)),
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    schedule: { peak: 1e-4, warmupSteps: 5, totalSteps: 1000, floor: 0 },
    unit: 'tokens',
    unitsPerStep: BATCH * TOKENS,
    flops: 3 * BATCH * flopsPerSequence(config, TOKENS),
  };
}
