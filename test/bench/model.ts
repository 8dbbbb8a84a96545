import type { HostTensor } from '../../core/engine/host';
import { i32 } from '../../core/engine/host';
import type { AdamWSettings, Schedule } from '../../core/engine/optimizer';
import type { Runtime } from '../../core/engine/runtime/runtime';
import type { DecoderConfig } from '../../core/models/decoder/config';
import { parseDecoderConfig } from '../../core/models/decoder/config';
import { initialize } from '../../core/models/decoder/initialize';
import type { TokenBatch } from '../../core/models/decoder/language-model';
import { nextTokenLoss } from '../../core/models/decoder/language-model';
import { flopsPerToken } from '../../core/models/decoder/layout';
import { Random } from '../../core/random';
import { Trainer } from '../../core/training/trainer';

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
export const SEED = 1;

export const OPTIMIZER: AdamWSettings = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradientNorm: 1,
};
export const SCHEDULE: Schedule = { peak: 1e-3, warmupSteps: 5, totalSteps: 1000, floor: 0.1 };

/** Floating-point operations of one training step: three forward passes, as is usual. */
export const stepFlops = (config: DecoderConfig): number => 3 * flopsPerToken(config, TOKENS) * BATCH * TOKENS;

/** Random tokens, the small ids more often, so that there is something to learn. */
export function makeBatches(count: number): TokenBatch<HostTensor<'int32'>>[] {
  const random = new Random(7);
  return Array.from({ length: count }, () => {
    const ids = Int32Array.from({ length: BATCH * TOKENS + 1 }, () =>
      Math.floor(random.uniform() ** 2 * CONFIG.vocabulary),
    );
    const shape = [BATCH, TOKENS];
    return { inputs: i32(shape, ids.slice(0, -1)), targets: i32(shape, ids.slice(1)) };
  });
}

/** A model of the bench in training, with what its steps took so far. */
export class Training {
  readonly seconds: number[] = [];
  readonly losses: number[] = [];
  readonly gradientNorms: number[] = [];
  readonly #batches = makeBatches(4);
  readonly #trainer: Trainer<TokenBatch>;

  constructor(
    readonly runtime: Runtime,
    readonly config: DecoderConfig,
  ) {
    this.#trainer = new Trainer<TokenBatch>(runtime, {
      loss: (parameters, batch) => nextTokenLoss(config, parameters, batch),
      parameters: initialize(config, SEED),
      optimizer: OPTIMIZER,
      schedule: SCHEDULE,
    });
  }

  get parameters() {
    return this.#trainer.parameters;
  }

  async advance(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const batch = this.#batches[this.#trainer.step % this.#batches.length]!;
      const before = performance.now();
      const { loss, gradientNorm } = await this.#trainer.advance([batch]);
      this.seconds.push((performance.now() - before) / 1000);
      this.losses.push(loss);
      this.gradientNorms.push(gradientNorm);
    }
  }
}
