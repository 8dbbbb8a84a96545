import * as l10n from '@vscode/l10n';
import { openModelFolder, TOKENIZER_FILE, type ModelFolder } from '../../checkpoint/model-folder';
import { requirePlainWeights } from '../../checkpoint/quantization';
import type { HostTensor } from '../../engine/host';
import { UserError } from '../../errors';
import { plainLabel } from '../labels';
import { readCopied, saveModel, type Copied, type ModelToSave } from '../save';
import { checkInventory, readParameters, sameNumbers, type Inventory } from '../weights';
import { parseEncoderConfig, type EncoderConfig } from './config';
import { withHead } from './config-head';
import { initializeHead } from './initialize';
import { bodyTensorShapes, headTensorShapes, type EncoderHead } from './layout';
import { storedNames } from './stored-names';

/** An encoder in main memory, with what its folder says beyond the weights. */
export interface LoadedEncoder extends Copied {
  readonly config: EncoderConfig;
  readonly head: EncoderHead;
  /** The parsed `config.json` with the head that was asked for, so that a copy keeps what Winnow does not know. */
  readonly json: Readonly<Record<string, unknown>>;
  /** float32, whatever the folder's dtype; body and head. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
  /** Names of the tensors of the head that the folder did not have, and that begin fresh. */
  readonly fresh: readonly string[];
  readonly tokenizerPath: string;
}

export interface HeadOptions {
  readonly head: EncoderHead;
  /** Names of the classes of a sequence head, one for a regression; without them those of the folder. */
  readonly labels?: readonly string[];
  /** Of what begins fresh; 0 without it. */
  readonly seed?: number;
}

/** Tensors of an encoder's folder that nothing is computed with. */
const UNUSED: Inventory['unused'] = {
  'numbers counted up from 0, and zeros': /(^|\.)embeddings\.(position_ids|token_type_ids)$/,
  'heads other than the one that is asked for, and classes of another task':
    /^((bert\.)?pooler|cls|classifier|qa_outputs|pre_classifier|vocab_transform|vocab_layer_norm|vocab_projector)\./,
};

/**
 * Loads a Hugging Face folder of a BERT or DistilBERT, whatever head it has or none, under the names of a model with
 * the head that is asked for. A head that the folder does not have begins fresh; so does a classifier of other classes.
 * @throws UserError `model.*` where the config is not understood, the tensors are not those that it asks for, or no
 *   tokenizer is there
 */
export async function loadEncoder(dir: string, { head, labels, seed = 0 }: HeadOptions): Promise<LoadedEncoder> {
  const folder = await openModelFolder(dir);
  try {
    requirePlainWeights(folder, dir);
    const stored = parseEncoderConfig(folder.config);
    if (folder.tokenizerPath === undefined)
      throw new UserError(
        'model.no-tokenizer',
        l10n.t`${dir} has no ${TOKENIZER_FILE}.`,
        l10n.t('Put the tokenizer of the model next to its weights.'),
      );
    const json = withHead(folder.config, head, labels ?? stored.labels);
    const config = parseEncoderConfig(json);
    const tensors = storedNames(config, folder);
    const wanted = headTensorShapes(config, head);
    const taken = new Map(
      [...wanted].filter(([name]) => tensors.has(name) && (!isClassifier(name) || sameClasses(stored, config))),
    );
    const fresh = [...wanted.keys()].filter((name) => !taken.has(name));
    const inventory = { shapes: new Map([...bodyTensorShapes(config), ...taken]), stored: tensors, unused: UNUSED };
    checkInventory(folder, dir, inventory);
    if (head === 'masked') await requireOneHead(folder, dir, config, tensors);
    const beginning = fresh.length > 0 ? initializeHead(config, head, seed) : {};
    const read = await readParameters(folder, inventory);
    const parameters = { ...read, ...Object.fromEntries(fresh.map((name) => [name, beginning[name]!])) };
    return {
      ...(await readCopied(folder)),
      config,
      head,
      json,
      parameters,
      fresh,
      tokenizerPath: folder.tokenizerPath,
    };
  } finally {
    await folder.close();
  }
}

/** What transformers ties to what, where the vocabulary is scored by the embedding of its words. */
const TIED = {
  bert: [
    ['cls.predictions.decoder.weight', 'bert.embeddings.word_embeddings.weight'],
    ['cls.predictions.decoder.bias', 'cls.predictions.bias'],
  ],
  distilbert: [['vocab_projector.weight', 'distilbert.embeddings.word_embeddings.weight']],
} as const;

/** @throws UserError `model.tied-head` where a head is stored that differs from what the config ties it to */
async function requireOneHead(
  folder: ModelFolder,
  dir: string,
  config: EncoderConfig,
  stored: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [name, source] of config.tied ? TIED[config.modelType] : []) {
    const at = stored.get(source) ?? source;
    if (!folder.tensors.has(name) || !folder.tensors.has(at) || (await sameNumbers(folder, name, at))) continue;
    throw new UserError(
      'model.tied-head',
      l10n.t`${dir}: tensor ${name} differs from ${at}, although config.json sets tie_word_embeddings to true.`,
      l10n.t`Set tie_word_embeddings to false in config.json to use ${name}, or delete that tensor.`,
    );
  }
}

const isClassifier = (name: string): boolean => name.startsWith('classifier.');

/** Whether the rows of a stored classifier are the classes that are asked for; classes without names may be any. */
function sameClasses({ labels: stored }: EncoderConfig, { labels: wanted }: EncoderConfig): boolean {
  const unnamed = stored.every((label, index) => label === plainLabel(index));
  return stored.length === wanted.length && (unnamed || stored.every((label, index) => label === wanted[index]));
}

/** Writes a checkpoint of an encoder: see `saveModel`. */
export const saveEncoder = (
  dir: string,
  model: ModelToSave & Required<Pick<ModelToSave, 'tokenizerFrom'>>,
): Promise<void> => saveModel(dir, model);
