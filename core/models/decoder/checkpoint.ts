import * as l10n from '@vscode/l10n';
import { familyArchitecture } from '../../checkpoint/architecture';
import { openModelFolder, TOKENIZER_FILE, type ModelFolder } from '../../checkpoint/model-folder';
import { requirePlainWeights } from '../../checkpoint/quantization';
import type { HostTensor } from '../../engine/host';
import { UserError } from '../../errors';
import { readCopied, saveModel, type Copied, type ModelToSave } from '../save';
import { checkInventory, readParameters, sameNumbers, type Inventory } from '../weights';
import type { DecoderConfig } from './config';
import { parseDecoderConfig, withRanks } from './config';
import { EMBEDDING, HEAD, tensorShapes } from './layout';

/** The config of a decoder's folder, checked against the headers of its weights. */
export interface DecoderDescription {
  readonly config: DecoderConfig;
  /** The parsed `config.json`, corrected to match the weights, with the family's names: see `familyArchitecture`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** A decoder in main memory, with the rest of its folder. */
export interface LoadedDecoder extends DecoderDescription, Copied {
  /** float32, whatever the folder's dtype. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
  readonly tokenizerPath: string;
}

/** Tensors of a decoder's folder that are not used. */
const UNUSED: Inventory['unused'] = {
  'tables of the rotary embedding, which follow from the config': /\.rotary_emb\.(inv_freq|cos_cached|sin_cached)$/,
  'masks, which follow from the length of the text': /\.(masked_bias|causal_mask)$/,
};
const TIED: Inventory['unused'] = { 'the embedding once more': /^lm_head\.weight$/ };

/**
 * Describes a folder of a Llama, Mistral or Qwen2 model, full or factored, without reading its weights.
 *
 * If `tie_word_embeddings` is on but a head is stored anyway, the head is used if it differs from the embedding (as in
 * transformers 5), and `json` says so.
 * @param dir the folder as the user named it, for messages
 * @throws UserError `model.*` if the config is not supported, or does not match the tensors
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
    // Whoever changes the weights of a nested model cannot claim that its sizes are still any good.
    const own = config.nested.length === 0 ? json : withRanks(json, config.ranks);
    return { ...(await readCopied(folder)), config, json: own, parameters, tokenizerPath };
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
