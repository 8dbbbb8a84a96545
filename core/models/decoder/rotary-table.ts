import * as z from 'zod';

const factor = z.number().positive();
const original = z.int().positive();

const orDefault = (value: number) =>
  z
    .number()
    .positive()
    .nullish()
    .transform((given) => given ?? value);

/**
 * Scalings of the rotary embedding, with the names of Hugging Face's `rope_scaling` / `rope_parameters`. A key that a
 * type does not have is refused, because it would mean a different scaling.
 */
export const rotaryScalingSchema = z.discriminatedUnion('rope_type', [
  z.strictObject({ rope_type: z.literal('default') }),
  z.strictObject({
    rope_type: z.literal('linear'),
    factor,
    /** Not used by this type. */
    original_max_position_embeddings: original.nullish(),
  }),
  z.strictObject({ rope_type: z.literal('dynamic'), factor }),
  z.strictObject({
    rope_type: z.literal('llama3'),
    factor,
    low_freq_factor: z.number().positive(),
    high_freq_factor: z.number().positive(),
    original_max_position_embeddings: original,
  }),
  z.strictObject({
    rope_type: z.literal('yarn'),
    factor,
    original_max_position_embeddings: original.optional(),
    attention_factor: z.number().positive().nullish(),
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    truncate: z.boolean().default(true),
    beta_fast: orDefault(32),
    beta_slow: orDefault(1),
  }),
]);
export type RotaryScaling = z.infer<typeof rotaryScalingSchema>;

export interface RotaryOptions {
  readonly headDim: number;
  readonly theta: number;
  readonly scaling: RotaryScaling;
  /** The model's maximum sequence length. */
  readonly maxPositions: number;
}

/** Angles per position, and the factor on their sines and cosines. */
function frequencies({ headDim, theta, scaling, maxPositions }: RotaryOptions, positions: number) {
  const half = headDim / 2;
  const inverse = (base: number) => Float64Array.from({ length: half }, (_, i) => base ** (-i / half));
  const plain = inverse(theta);
  switch (scaling.rope_type) {
    case 'default':
      return { angles: plain, amplitude: 1 };
    case 'linear': // Position interpolation (Chen et al., 2023)
      return { angles: plain.map((f) => f / scaling.factor), amplitude: 1 };
    case 'dynamic': {
      // "NTK-aware" interpolation: the base grows when a sequence is longer than those in training.
      const length = Math.max(positions, maxPositions);
      const stretch = (scaling.factor * length) / maxPositions - (scaling.factor - 1);
      return { angles: inverse(theta * stretch ** (headDim / (headDim - 2))), amplitude: 1 };
    }
    case 'llama3': {
      const {
        factor,
        low_freq_factor: low,
        high_freq_factor: high,
        original_max_position_embeddings: trained,
      } = scaling;
      const angles = plain.map((f) => {
        const turns = (trained * f) / (2 * Math.PI);
        if (turns > high) return f;
        if (turns < low) return f / factor;
        const smooth = (turns - low) / (high - low);
        return ((1 - smooth) * f) / factor + smooth * f;
      });
      return { angles, amplitude: 1 };
    }
    case 'yarn': {
      // YaRN (Peng et al., 2023), equations 13 to 22.
      const trained = scaling.original_max_position_embeddings ?? maxPositions;
      const dimension = (turns: number) =>
        (headDim * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
      const [first, last] = [dimension(scaling.beta_fast), dimension(scaling.beta_slow)];
      const low = Math.max(scaling.truncate ? Math.floor(first) : first, 0);
      const high = Math.min(scaling.truncate ? Math.ceil(last) : last, headDim - 1);
      const angles = plain.map((f, i) => {
        const ramp = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)));
        return (f / scaling.factor) * ramp + f * (1 - ramp);
      });
      return { angles, amplitude: scaling.attention_factor ?? yarnAmplitude(scaling) };
    }
  }
}

/** Equation 22, and DeepSeek's variant of it with two scales. */
function yarnAmplitude({ factor, mscale, mscale_all_dim: all }: Extract<RotaryScaling, { rope_type: 'yarn' }>): number {
  const amplitude = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  return mscale && all ? amplitude(mscale) / amplitude(all) : amplitude(1);
}

/** Cosines and sines of every position: two tables [positions, headDim / 2], row-major. */
export function rotaryTables(options: RotaryOptions, positions: number): { cos: Float32Array; sin: Float32Array } {
  const { angles, amplitude } = frequencies(options, positions);
  const half = angles.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++)
    for (let i = 0; i < half; i++) {
      const angle = position * angles[i]!;
      cos[position * half + i] = Math.cos(angle) * amplitude;
      sin[position * half + i] = Math.sin(angle) * amplitude;
    }
  return { cos, sin };
}
