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

/** What an encoder is fine-tuned with. */
interface Shape {
  readonly name: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** Sequences of a batch, and tokens of the longest. */
  readonly batch: number;
  readonly tokens: number;
}

/** The embedded encoder as `emails.winnow.json` fine-tunes it. */
export const EMBEDDED: Shape = {
  name: 'the embedded encoder',
  json: {
    model_type: 'bert',
    hidden_size: 128,
    intermediate_size: 512,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    vocab_size: 4096,
    max_position_embeddings: 128,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    num_labels: 2,
  },
  batch: 16,
  tokens: 48,
};

/** MiniLM with 6 blocks of width 384, the small encoder that is fine-tuned most. */
export const MINILM: Shape = {
  name: 'MiniLM',
  json: {
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
  },
  batch: 8,
  tokens: 128,
};

/** Sequences of some lengths, padded to one, with labels that one of their words decides. */
function syntheticBatch(
  { vocabulary, padId }: EncoderConfig,
  { batch, tokens }: Shape,
  seed: number,
): Named<HostTensor> {
  const random = new Random(seed);
  const shape = [batch, tokens];
  const ids = new Int32Array(batch * tokens).fill(padId);
  const mask = new Int32Array(batch * tokens);
  const targets = new Int32Array(batch);
  for (let row = 0; row < batch; row++) {
    const length = tokens / 2 + random.int(tokens / 2 + 1);
    for (let i = 0; i < length; i++) ids[row * tokens + i] = 1 + Math.floor(random.uniform() ** 3 * (vocabulary - 1));
    mask.fill(1, row * tokens, row * tokens + length);
    targets[row] = ids[row * tokens]! % 2;
  }
  const types = i32(shape, new Int32Array(batch * tokens));
  return { ids: i32(shape, ids), mask: i32(shape, mask), types, targets: i32([batch], targets) };
}

/** An encoder of the bench to be fine-tuned to tell two classes of texts apart. */
export function encoderSubject(shape: Shape): Subject {
  const { name, json, batch, tokens } = shape;
  const config = parseEncoderConfig(json);
  return {
    architecture: 'Encoder',
    description:
      `${(countEncoderParameters(config, 'sequence') / 1e6).toFixed(2)} M parameters: ${name}, ${config.layers} blocks, d ${config.hidden}, ` +
      `${config.heads} heads, vocabulary ${config.vocabulary};\n${batch} sequences of ${tokens / 2} to ${tokens} tokens, two classes, ` +
      'AdamW, decay, clipping; GFLOP/s count 3 forward passes. The last block of ours computes the first token, which is all\n' +
      'that the classifier reads; that of PyTorch computes all tokens, as transformers does.',
    config: json,
    parameters: initializeEncoder(config, 'sequence', 0),
    batches: Array.from({ length: 4 }, (_, i) => syntheticBatch(config, shape, i)),
    loss: (parameters, { ids, mask, types, targets }) =>
      tf.mean(crossEntropy(classifySequences(config, parameters, { ids: ids!, mask: mask!, types: types! }), targets!)),
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    schedule: { peak: 1e-4, warmupSteps: 5, totalSteps: 1000, floor: 0 },
    unit: 'tokens',
    unitsPerStep: batch * tokens,
    flops: 3 * batch * flopsPerSequence(config, tokens),
  };
}
