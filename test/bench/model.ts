import { i32, type HostTensor } from '../../core/engine/host';
import type { Named } from '../../core/engine/optimizer';
import type { DecoderConfig } from '../../core/models/decoder/config';
import { parseDecoderConfig } from '../../core/models/decoder/config';
import { initialize } from '../../core/models/decoder/initialize';
import { nextTokenLoss } from '../../core/models/decoder/language-model';
import { countParameters, flopsPerToken } from '../../core/models/decoder/layout';
import { Random } from '../../core/random';
import type { Subject } from './subject';

/** The model that every figure of the bench is of, as its `config.json`: 3.3 million parameters, a GPT-class block. */
export const MODEL = {
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 704,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  vocab_size: 512,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
};
export const CONFIG: DecoderConfig = parseDecoderConfig(MODEL);

export const BATCH = 8;
export const TOKENS = 128;
export const THREADS = 2;
const SEED = 1;

/** Random tokens, the small ids more often, so that there is something to learn. */
function makeBatches(count: number): Named<HostTensor>[] {
  const random = new Random(7);
  return Array.from({ length: count }, () => {
    const ids = Int32Array.from({ length: BATCH * TOKENS + 1 }, () =>
      Math.floor(random.uniform() ** 2 * CONFIG.vocabulary),
    );
    const shape = [BATCH, TOKENS];
    return { inputs: i32(shape, ids.slice(0, -1)), targets: i32(shape, ids.slice(1)) };
  });
}

/** A decoder of the bench to be trained; `config` may differ from `MODEL` in its ranks. */
export const decoderSubject = (config = CONFIG): Subject => ({
  architecture: 'Decoder',
  description:
    `${(countParameters(config).total / 1e6).toFixed(2)} M parameters: Llama type, ${config.layers} layers, d ${config.hidden}, ` +
    `${config.grouping.heads} heads, MLP ${config.intermediate},\nvocabulary ${config.vocabulary} (head tied); ` +
    `${BATCH} x ${TOKENS} tokens, AdamW, decay, clipping; GFLOP/s count 3 forward passes.`,
  config: MODEL,
  parameters: initialize(config, SEED),
  batches: makeBatches(4),
  loss: (parameters, { inputs, targets }) => nextTokenLoss(config, parameters, { inputs: inputs!, targets: targets! }),
  optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
  schedule: { peak: 1e-3, warmupSteps: 5, totalSteps: 1000, floor: 0.1 },
  unit: 'tokens',
  unitsPerStep: BATCH * TOKENS,
  flops: 3 * flopsPerToken(config, TOKENS) * BATCH * TOKENS,
});
