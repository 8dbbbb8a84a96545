import * as l10n from '@vscode/l10n';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { floats, i32, zeros } from '../../engine/host';
import { cacheMask } from '../../engine/ops/attention';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import { UserError } from '../../errors';
import { Random } from '../../random';
import { blocksOf } from '../../protocol/grouping';
import type { DecoderConfig } from './config';
import type { Sequence } from './forward';
import { hiddenStates, logits } from './forward';

export interface SamplingOptions {
  /** Most tokens to write. */
  readonly maxTokens: number;
  /** 0 always takes the likeliest token; 1 samples from the model as it is. */
  readonly temperature: number;
  /** Only so many of the likeliest tokens are considered; 0 for all. */
  readonly topK: number;
  /** Only the likeliest tokens that together have this probability are considered (Holtzman et al., 2020); 1 for all. */
  readonly topP: number;
  readonly seed: number;
  /** The tokens that end the text. */
  readonly endIds: ReadonlySet<number>;
}

/**
 * Keys and values of the tokens so far: per layer [positions, kvHeads * headDim]. Where keys are the values as well, there
 * are values alone.
 */
type Cache = { keys: Named<Tensor>; values: Named<Tensor> };
type State = { parameters: Named<Tensor>; cache: Cache };
type Call = { ids: Tensor; start: Tensor };

/** Tokens of the prompt that are read by one call: few shapes to compile, few calls. */
const PREFILL = 32;

/** Writes text token by token, each call reading one token (or a piece of the prompt) and remembering it in the cache. */
export class Generator {
  readonly #program: Program<State, Call, { logits: Tensor }>;
  readonly #state: DeviceState<State>;

  /**
   * @param parameters of the model on the device; shared, not copied
   * @param positions longest text, prompt included
   */
  constructor(
    runtime: Runtime,
    config: DecoderConfig,
    parameters: DeviceState<Named<Tensor>>,
    readonly positions: number,
  ) {
    const { kvHeads, sharedKeyValue } = config.grouping;
    const width = kvHeads * config.headDim;
    const layers = () =>
      Object.fromEntries(Array.from({ length: config.layers }, (_, layer) => [layer, zeros([positions, width])]));
    const cache = runtime.upload<Cache>({ keys: sharedKeyValue ? {} : layers(), values: layers() });
    this.#state = runtime.combine<State>({ parameters, cache });
    this.#program = runtime.compile('generation', (state, call) => decodeStep(config, positions, state, call));
  }

  /** Reads tokens from position `start` on and returns the logits of what follows the last: [vocabulary]. */
  async read(ids: readonly number[], start: number): Promise<Float32Array> {
    let result: Float32Array | undefined;
    for (let at = 0; at < ids.length;) {
      const size = ids.length - at >= PREFILL ? PREFILL : 1;
      const batch = { ids: i32([1, size], ids.slice(at, at + size)), start: i32([], [start + at]) };
      result = floats((await this.#program.run(this.#state, batch)).logits);
      at += size;
    }
    if (!result) throw new RangeError('there is no token to read');
    return result;
  }

  /**
   * Continues a prompt.
   * @param prompt at least one token
   * @throws UserError `sample.prompt-too-long`, `sample.not-finite`
   */
  async *continue(prompt: readonly number[], options: SamplingOptions): AsyncGenerator<number> {
    if (prompt.length >= this.positions)
      throw new UserError(
        'sample.prompt-too-long',
        l10n.t`The prompt has ${prompt.length} tokens; the model reads at most ${this.positions - 1}.`,
        l10n.t('Shorten the prompt.'),
      );
    const random = new Random(options.seed);
    let scores = await this.read(prompt, 0);
    const end = Math.min(this.positions, prompt.length + options.maxTokens);
    for (let position = prompt.length; position < end; position++) {
      const token = sampleToken(scores, options, random);
      if (options.endIds.has(token)) return;
      yield token;
      if (position + 1 < end) scores = await this.read([token], position);
    }
  }
}

function decodeStep(config: DecoderConfig, positions: number, { parameters, cache }: State, { ids, start }: Call) {
  const tokens = ids.shape[1]!;
  const { queries } = blocksOf(config.grouping);
  const rows = tf.add(tf.range(0, tokens, 1, 'int32'), start);
  const next: Record<'keys' | 'values', Record<string, Tensor>> = { keys: {}, values: {} };
  const sequence: Sequence = {
    batch: 1,
    tokens,
    positions: tf.reshape(rows, [1, tokens]),
    keyPositions: tf.reshape(tf.range(0, positions, 1, 'int32'), [1, positions]),
    maxPosition: positions,
    mask: (layer) => cacheMask(start, tokens, positions, queries, config.window(layer)),
    remember(kind, layer, fresh) {
      const width = fresh.shape.at(-1)!;
      const written = tf.reshape(fresh, [tokens, width]);
      const all = tf.tensorScatterUpdate(cache[kind][layer]!, tf.reshape(rows, [tokens, 1]), written);
      next[kind][layer] = all;
      return tf.reshape(all, [1, positions, width]);
    },
  };
  const hidden = hiddenStates(config, parameters, ids, sequence);
  const last = tf.slice(hidden, [tokens - 1, 0], [1, config.hidden]);
  const scores = tf.reshape(logits(config, parameters, last), [config.vocabulary]);
  return { state: { cache: next }, metrics: { logits: scores } };
}

/**
 * Draws the next token from logits. A logit may be minus infinity, which rules its token out.
 * @throws UserError `sample.not-finite` where they are no numbers
 */
export function sampleToken(
  scores: Float32Array,
  { temperature, topK, topP }: Pick<SamplingOptions, 'temperature' | 'topK' | 'topP'>,
  random: Random,
): number {
  if (!scores.every((score) => score < Infinity) || scores.every((score) => score === -Infinity))
    throw new UserError(
      'sample.not-finite',
      l10n.t('The logits of the model are not finite (NaN or infinity), so no token can be drawn.'),
      l10n.t('"winnow stats" shows which tensors of the model hold values that are not finite.'),
    );
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  const best = order[0]!;
  if (temperature === 0) return best;
  const considered = order.subarray(0, topK > 0 ? topK : order.length);
  const weights = Float64Array.from(considered, (token) => Math.exp((scores[token]! - scores[best]!) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let mass = 0;
  while (kept < weights.length && mass < topP * total) mass += weights[kept++]!;
  let left = random.uniform() * mass;
  for (let i = 0; i < kept; i++) {
    left -= weights[i]!;
    if (left < 0) return considered[i]!;
  }
  return considered[kept - 1] ?? best;
}
