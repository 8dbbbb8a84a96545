import type { Tensor } from '@tensorflow/tfjs-core';
import type { HeldOutBlocks } from '../../../data/text/batches';
import type { Tokenizer } from '../../../data/tokenizer/tokenizer';
import type { HostTensor } from '../../../engine/host';
import type { Named } from '../../../engine/optimizer';
import { createRuntime } from '../../../engine/runtime/create';
import type { DeviceState, Runtime } from '../../../engine/runtime/runtime';
import type { RunContext } from '../../../experiments/method';
import type { DecoderConfig } from '../../../models/decoder/config';
import type { LanguageModelScore, ModelState } from '../../../models/decoder/evaluate';
import { Evaluator } from '../../../models/decoder/evaluate';
import { Generator } from '../../../models/decoder/generate';
import type { MultipleChoiceScore } from '../../../models/decoder/multiple-choice';
import { MultipleChoiceScorer } from '../../../models/decoder/multiple-choice';
import type { Tasks } from './tasks';

export interface Evaluation {
  readonly text: LanguageModelScore;
  readonly tasks: Readonly<Record<string, MultipleChoiceScore>>;
  readonly generateTokensPerSecond?: number;
}

export interface EvalSet {
  readonly heldOut: HeldOutBlocks;
  readonly shape: { readonly batchSize: number; readonly blockLength: number };
  readonly tokenizer: Tokenizer;
  readonly tasks: Tasks;
  readonly speed: boolean;
  /** Fraction of the held-out text to use. */
  readonly share: number;
}

/** Evaluates one model: held-out text, tasks, generation speed. */
export async function evaluateModel(
  context: RunContext,
  decoder: DecoderConfig,
  parameters: Named<HostTensor>,
  { heldOut, shape, tokenizer, tasks, speed, share }: EvalSet,
): Promise<Evaluation> {
  const { signal } = context;
  const runtime = createRuntime(context.device);
  try {
    const model = runtime.upload<ModelState>({ own: parameters, frozen: {} });
    const own = model.pick('own');
    const text = await new Evaluator(runtime, decoder).score(model, heldOut, shape, { share, signal });
    const scorer = new MultipleChoiceScorer(runtime, decoder, tokenizer, decoder.maxPositions);
    const scores: Record<string, MultipleChoiceScore> = {};
    for (const [name, items] of Object.entries(tasks)) scores[name] = await scorer.score(own, items, signal);
    if (!speed) return { text, tasks: scores };
    return { text, tasks: scores, generateTokensPerSecond: await generationSpeed(runtime, decoder, own) };
  } finally {
    await runtime.dispose();
  }
}

/** Only the perplexity, for a model that is about to be trained. */
export async function perplexityOf(
  context: RunContext,
  decoder: DecoderConfig,
  parameters: Named<HostTensor>,
  evalSet: EvalSet,
): Promise<number> {
  return (await evaluateModel(context, decoder, parameters, { ...evalSet, tasks: {}, speed: false })).text.perplexity;
}

const SPEED_TOKENS = 48;

/** Tokens per second when one text is continued token by token. The first tokens, which include compilation, do not count. */
async function generationSpeed(
  runtime: Runtime,
  decoder: DecoderConfig,
  parameters: DeviceState<Named<Tensor>>,
): Promise<number> {
  const positions = Math.min(decoder.maxPositions, 4 * SPEED_TOKENS);
  const generator = new Generator(runtime, decoder, parameters, positions);
  const seconds: number[] = [];
  for (let i = 0; i < Math.min(SPEED_TOKENS, positions); i++) {
    const before = performance.now();
    await generator.read([i % decoder.vocabulary], i);
    seconds.push((performance.now() - before) / 1000);
  }
  const sorted = seconds.slice(Math.min(4, seconds.length - 1)).sort((a, b) => a - b);
  return 1 / sorted[Math.floor(sorted.length / 2)]!;
}
