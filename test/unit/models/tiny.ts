import { f32, i32, type HostTensor } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import { createRuntime } from '../../../core/engine/runtime/create';
import type { Runtime } from '../../../core/engine/runtime/runtime';
import { parseDecoderConfig, type DecoderConfig } from '../../../core/models/decoder/config';
import { causalLogits } from '../../../core/models/decoder/language-model';
import { tensorShapes } from '../../../core/models/decoder/layout';
import { floats, sizeOf } from '../../../core/engine/host';
import { Random } from '../../../core/random';
import type { Tensor } from '@tensorflow/tfjs-core';

/** A Llama of two blocks with grouped queries. */
export const TINY = {
  model_type: 'llama',
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 61,
  max_position_embeddings: 96,
  tie_word_embeddings: true,
};

export const tinyConfig = (changes: Readonly<Record<string, unknown>> = {}): DecoderConfig =>
  parseDecoderConfig({ ...TINY, ...changes });

/** Weights large enough that attention is not flat and the logits differ. */
export function randomWeights(config: DecoderConfig, seed: number): Record<string, HostTensor<'float32'>> {
  const random = new Random(seed);
  return Object.fromEntries(
    Array.from(tensorShapes(config), ([name, shape]) => {
      const center = name.endsWith('norm.weight') ? 1 : 0;
      return [
        name,
        f32(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, () => center + 0.25 * random.normal()),
        ),
      ];
    }),
  );
}

export const randomIds = (count: number, vocabulary: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.int(vocabulary));
};

/** Runs something on a runtime of its own. */
export async function withRuntime<T>(use: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = createRuntime({ provider: 'cpu', threads: 1 });
  try {
    return await use(runtime);
  } finally {
    await runtime.dispose();
  }
}

/** Logits of every position of a batch, row by row. */
export async function logitsOf(
  runtime: Runtime,
  config: DecoderConfig,
  weights: Named<HostTensor>,
  ids: readonly number[],
  batch = 1,
): Promise<Float32Array> {
  const state = runtime.upload<Named<Tensor>>(weights);
  const program = runtime.compile('logits', (parameters: Named<Tensor>, call: { ids: Tensor }) => ({
    metrics: { logits: causalLogits(config, parameters, call.ids) },
  }));
  const result = await program.run(state, { ids: i32([batch, ids.length / batch], ids) });
  return floats(result.logits);
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} numbers against ${b.length}`);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}
