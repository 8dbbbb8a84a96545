import * as l10n from '@vscode/l10n';
import type { Tensor } from '@tensorflow/tfjs-core';
import { TextStream } from '../data/tokenizer/text-stream';
import type { LoadedTokenizer } from '../data/tokenizer/tokenizer';
import type { Named } from '../engine/optimizer';
import type { Runtime } from '../engine/runtime/runtime';
import { UserError } from '../errors';
import { loadDecoder } from './decoder/checkpoint';
import type { SamplingOptions } from './decoder/generate';
import { Generator } from './decoder/generate';
import { endTokens } from './end-tokens';
import { loadModelTokenizer } from './model-tokenizer';

export interface SampleRequest extends Omit<SamplingOptions, 'endIds'> {
  /** Hugging Face folder of a decoder, full or factored. */
  readonly checkpoint: string;
  /** Empty to begin a new document. */
  readonly prompt: string;
  /** Is told what a person should know about the checkpoint. */
  readonly onNote?: (note: string) => void;
}

/**
 * Continues a prompt with a checkpoint, as transformers does: behind the start token of its tokenizer, where it has one, and
 * up to an end token of its `generation_config.json`.
 * @yields pieces of text as they are written, the prompt not included
 * @throws UserError `sample.no-start`, `sample.prompt-too-long`, and those of the checkpoint and its tokenizer
 */
export async function* sample(runtime: Runtime, request: SampleRequest): AsyncGenerator<string> {
  const { config, json, parameters, tokenizerPath } = await loadDecoder(request.checkpoint);
  const tokenizer = await loadModelTokenizer(tokenizerPath, config);
  for (const note of tokenizer.notes) request.onNote?.(note);
  const endIds = await endTokens(request.checkpoint, json, tokenizer.eosId);
  const prompt = promptIds(request.prompt, tokenizer);
  const positions = Math.min(config.maxPositions, prompt.length + request.maxTokens);
  const generator = new Generator(runtime, config, runtime.upload<Named<Tensor>>(parameters), positions);
  const text = new TextStream(tokenizer, prompt);
  for await (const token of generator.continue(prompt, { ...request, endIds })) {
    const added = text.add(token);
    if (added !== '') yield added;
  }
  const rest = text.end();
  if (rest !== '') yield rest;
}

/** The ids that a text is continued from. A prompt that spells the start tokens itself does not get them twice. */
export function promptIds(
  text: string,
  { encode, startIds, eosId }: Pick<LoadedTokenizer, 'encode' | 'startIds' | 'eosId'>,
): number[] {
  const ids = encode(text);
  const begun = startIds.every((id, i) => ids[i] === id);
  const prompt = begun ? ids : [...startIds, ...ids];
  if (prompt.length > 0) return prompt;
  // A document begins after the end of another.
  if (eosId !== undefined) return [eosId];
  throw new UserError(
    'sample.no-start',
    l10n.t('The tokenizer has no start or end token, so there is nothing to continue.'),
    l10n.t('Give a prompt.'),
  );
}
