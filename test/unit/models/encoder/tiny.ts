import type { Tensor } from '@tensorflow/tfjs-core';
import { f32, floats, i32, sizeOf, type HostTensor } from '../../../../core/engine/host';
import type { Named } from '../../../../core/engine/optimizer';
import type { Runtime } from '../../../../core/engine/runtime/runtime';
import { parseEncoderConfig, type EncoderConfig } from '../../../../core/models/encoder/config';
import type { EncoderInputs } from '../../../../core/models/encoder/forward';
import { encoderTensorShapes, type EncoderHead } from '../../../../core/models/encoder/layout';
import { Random } from '../../../../core/random';

/** A BERT of two blocks. */
export const TINY_BERT = {
  model_type: 'bert',
  vocab_size: 61,
  hidden_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 40,
  max_position_embeddings: 32,
  id2label: { 0: 'a', 1: 'b', 2: 'c' },
};

export const TINY_DISTILBERT = {
  model_type: 'distilbert',
  vocab_size: 61,
  dim: 24,
  n_layers: 2,
  n_heads: 4,
  hidden_dim: 40,
  max_position_embeddings: 32,
  id2label: { 0: 'a', 1: 'b', 2: 'c' },
};

/** The smallest `tokenizer.json` that is one. */
export const TOKENIZER = '{"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0}}}';

export const tinyEncoder = (changes: Readonly<Record<string, unknown>> = {}): EncoderConfig =>
  parseEncoderConfig({ ...(changes.model_type === 'distilbert' ? TINY_DISTILBERT : TINY_BERT), ...changes });

/** Weights large enough that attention is not flat and the logits differ. */
export function randomEncoder(
  config: EncoderConfig,
  head: EncoderHead,
  seed: number,
): Record<string, HostTensor<'float32'>> {
  const random = new Random(seed);
  return Object.fromEntries(
    Array.from(encoderTensorShapes(config, head), ([name, shape]) => {
      const center = /(LayerNorm|layer_norm)\.weight$/.test(name) ? 1 : 0;
      return [
        name,
        f32(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, () => center + 0.3 * random.normal()),
        ),
      ];
    }),
  );
}

/** Pairs of texts of several lengths: [sequences, tokens] each. */
export function randomInputs(
  config: EncoderConfig,
  lengths: readonly number[],
  tokens: number,
  seed: number,
): EncoderInputs<HostTensor> {
  const random = new Random(seed);
  const shape = [lengths.length, tokens];
  const make = (value: (length: number, token: number) => number) =>
    i32(
      shape,
      Int32Array.from({ length: sizeOf(shape) }, (_, i) => value(lengths[Math.floor(i / tokens)]!, i % tokens)),
    );
  return {
    ids: make(() => random.int(config.vocabulary)),
    mask: make((length, token) => (token < length ? 1 : 0)),
    types: make((length, token) => (token >= length / 2 && token < length ? 1 : 0)),
  };
}

/** What a function of the model gives for inputs. */
export async function computed(
  runtime: Runtime,
  weights: Named<HostTensor>,
  inputs: EncoderInputs<HostTensor>,
  compute: (parameters: Named<Tensor>, inputs: EncoderInputs) => Tensor,
): Promise<Float32Array> {
  const program = runtime.compile('encoder', (parameters: Named<Tensor>, batch: EncoderInputs) => ({
    metrics: { value: compute(parameters, batch) },
  }));
  const { value } = await program.run(runtime.upload<Named<Tensor>>(weights), inputs);
  return floats(value);
}
