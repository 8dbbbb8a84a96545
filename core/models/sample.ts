import type { Tensor } from '@tensorflow/tfjs-core';
import { loadTokenizer } from '../data/tokenizer/tokenizer';
import type { Named } from '../engine/optimizer';
import type { Runtime } from '../engine/runtime/runtime';
import { loadDecoder } from './decoder/checkpoint';
import type { SamplingOptions } from './decoder/generate';
import { Generator } from './decoder/generate';

export interface SampleRequest extends Omit<SamplingOptions, 'eosId'> {
  /** Hugging Face folder of a decoder, full or factored. */
  readonly checkpoint: string;
  /** Empty to begin a new document. */
  readonly prompt: string;
}

/**
 * Continues a prompt with a checkpoint.
 * @yields pieces of text as they are written, the prompt not included
 */
export async function* sample(runtime: Runtime, request: SampleRequest): AsyncGenerator<string> {
  const { config, parameters, tokenizerPath } = await loadDecoder(request.checkpoint);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const prompt = tokenizer.encode(request.prompt);
  // A document begins after the end of another.
  if (prompt.length === 0) prompt.push(tokenizer.eosId ?? 0);
  const positions = Math.min(config.maxPositions, prompt.length + request.maxTokens);
  const generator = new Generator(runtime, config, runtime.upload<Named<Tensor>>(parameters), positions);
  const written: number[] = [];
  let shown = '';
  for await (const token of generator.continue(prompt, { ...request, eosId: tokenizer.eosId })) {
    written.push(token);
    const text = tokenizer.decode(written);
    // A character may take several tokens; until it is whole it decodes to U+FFFD.
    if (text.endsWith('\uFFFD')) continue;
    yield text.slice(shown.length);
    shown = text;
  }
  const rest = tokenizer.decode(written).slice(shown.length);
  if (rest !== '') yield rest;
}
