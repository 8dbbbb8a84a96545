import * as l10n from '@vscode/l10n';
import { familyArchitecture } from '../../checkpoint/architecture';
import { openModelFolder, TOKENIZER_FILE, type ModelFolder } from '../../checkpoint/model-folder';
import { requirePlainWeights } from '../../checkpoint/quantization';
import type { HostTensor } from '../../engine/host';
import { UserError } from '../../errors';
import { readCopied, saveModel, type Copied, type ModelToSave } from '../save';
import { checkInventory, readParameters, sameNumbers, type Inventory } from '../weights';
import type { DecoderConfig } from './config';
import { parseDecoderConfig } from './config';
import { EMBEDDING, HEAD, tensorShapes } from './layout';

/** What the config and the headers of a decoder's folder say, checked against each other. */
export interface DecoderDescription {
  readonly config: DecoderConfig;
  /** The parsed `config.json`, true of the weights, under the names of its family: see `familyArchitecture`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** A decoder in main memory, with what its folder says beyond the weights. */
export interface LoadedDecoder extends DecoderDescription, Copied {
  /** float32, whatever the folder's dtype. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
  readonly tokenizerPath: string;
}

/** Tensors of a decoder's folder that nothing is computed with. */
const UNUSED: Inventory['unused'] = {
  'tables of the rotary embedding, which follow from the config': /\.rotary_emb\.(inv_freq|cos_cached|sin_cached)$/,
  'masks, which follow from the length of the text': /\.(masked_bias|causal_mask)$/,
};
const TIED: Inventory['unused'] = { 'the embedding once more': /^lm_head\.weight$/ };

/**
 * What a folder of a Llama, Mistral or Qwen2 model says of itself, full or factored, without reading its weights.
 *
 * Where `tie_word_embeddings` is on and a head is stored all the same, the head counts if it differs from the embedding (as
 * in transformers 5), and `json` says so.
 * @param dir the folder as its user knows it, for sentences
 * @throws UserError `model.*` where the config is not understood, or the tensors are not those that it asks for
 */
export async function describeDecoder(folder: ModelFolder, dir: string): Promise<DecoderDescription> {
  requirePlainWeights(folder, dir);
  const family = familyArchitecture(folder.config);
  const said = parseDecoderConfig(family);
  const { tensors } = folder;
  if (!said.tied && !tensors.has(HEAD) && tensors.has(EMBEDDING))
    throw new UserError(
      'model.missing-tensor',
      l10n.t`${dir} has no tensor ${HEAD}, and its config.json does not tie it to the embedding.`,
      l10n.t(
        'If the embedding is also the output head, set tie_word_embeddings to true in config.json; otherwise weights are missing.',
      ),
    );
  const both = said.tied && tensors.has(HEAD) && tensors.has(EMBEDDING);
  checkInventory(folder, dir, { shapes: tensorShapes(said), unused: said.tied ? { ...UNUSED, ...TIED } : UNUSED });
  if (!both || (await sameNumbers(folder, EMBEDDING, HEAD))) return { config: said, json: family };
  const json = { ...family, tie_word_embeddings: false };
  const config = parseDecoderConfig(json);
  checkInventory(folder, dir, { shapes: tensorShapes(config), unused: UNUSED });
  return { config, json };
}

/**
 * Loads a Hugging Face folder of a Llama, Mistral or Qwen2 model, full or factored.
 * @throws UserError those of `describeDecoder`, and `model.no-tokenizer`
 */
export async function loadDecoder(dir: string): Promise<LoadedDecoder> {
  const folder = await openModelFolder(dir);
  try {
    const { config, json } = await describeDecoder(folder, dir);
    const tokenizerPath = requireTokenizer(folder, dir);
    const parameters = await readParameters(folder, { shapes: tensorShapes(config) });
    return { ...(await readCopied(folder)), config, json, parameters, tokenizerPath };
  } finally {
    await folder.close();
  }
}

/** @throws UserError `model.no-tokenizer` */
export function requireTokenizer({ tokenizerPath }: Pick<ModelFolder, 'tokenizerPath'>, dir: string): string {
  if (tokenizerPath !== undefined) return tokenizerPath;
  throw new UserError(
    'model.no-tokenizer',
    l10n.t`${dir} has no ${TOKENIZER_FILE}.`,
    l10n.t('Put the tokenizer of the model next to its weights.'),
  );
}

/** Writes a checkpoint of a decoder: see `saveModel`. */
export const saveDecoder = (
  dir: string,
  model: ModelToSave & Required<Pick<ModelToSave, 'tokenizerFrom'>>,
): Promise<void> => saveModel(dir, model);
