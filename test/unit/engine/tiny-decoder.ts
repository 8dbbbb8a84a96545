import { i32, type HostTensor } from '../../../core/engine/host';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import type { TokenBatch } from '../../../core/models/decoder/language-model';

/** Grouped queries, biases, and two layers: [2, 8] tokens of 24. */
export const CONFIG = parseDecoderConfig({
  model_type: 'qwen2',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 24,
  max_position_embeddings: 8,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
});

export function batchOf(step: number): TokenBatch<HostTensor<'int32'>> {
  const ids = (shift: number) => Int32Array.from({ length: 16 }, (_, i) => (7 * i + 5 * step + shift) % 24);
  return { inputs: i32([2, 8], ids(0)), targets: i32([2, 8], ids(3)) };
}
