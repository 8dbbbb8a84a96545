import { openModelFolder, TOKENIZER_FILE } from '../../checkpoint/model-folder';
import type { HostTensor } from '../../engine/host';
import { UserError } from '../../errors';
import { plainLabel } from '../labels';
import { readParameters } from '../parameters';
import { saveModel, type ModelToSave } from '../save';
import { parseEncoderConfig, type EncoderConfig } from './config';
import { withHead } from './config-head';
import { initializeHead } from './initialize';
import { bodyTensorShapes, headTensorShapes, type EncoderHead } from './layout';
import { storedNames } from './stored-names';

/** An encoder in main memory, with what its folder says beyond the weights. */
export interface LoadedEncoder {
  readonly config: EncoderConfig;
  readonly head: EncoderHead;
  /** The parsed `config.json` with the head that was asked for, and its text, so that a copy keeps what Winnow does not know. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly configText?: string | undefined;
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

/**
 * Loads a Hugging Face folder of a BERT or DistilBERT, whatever head it has or none, under the names of a model with
 * the head that is asked for. A head that the folder does not have begins fresh; so does a classifier of other classes.
 * @throws UserError `model.*` where a tensor of the encoder is missing or has another shape than `config.json` says, or
 *   no tokenizer is there
 */
export async function loadEncoder(dir: string, { head, labels, seed = 0 }: HeadOptions): Promise<LoadedEncoder> {
  const folder = await openModelFolder(dir);
  try {
    const stored = parseEncoderConfig(folder.config);
    if (folder.tokenizerPath === undefined)
      throw new UserError(
        'model.no-tokenizer',
        `${dir} has no ${TOKENIZER_FILE}.`,
        'Put the tokenizer of the model beside its weights.',
      );
    const json = withHead(folder.config, head, labels ?? stored.labels);
    const config = parseEncoderConfig(json);
    const tensors = storedNames(config, folder);
    const wanted = headTensorShapes(config, head);
    const taken = new Map(
      [...wanted].filter(([name]) => tensors.has(name) && (!isClassifier(name) || sameClasses(stored, config))),
    );
    const fresh = [...wanted.keys()].filter((name) => !taken.has(name));
    const beginning = fresh.length > 0 ? initializeHead(config, head, seed) : {};
    const read = await readParameters(folder, dir, new Map([...bodyTensorShapes(config), ...taken]), tensors);
    const parameters = { ...read, ...Object.fromEntries(fresh.map((name) => [name, beginning[name]!])) };
    return {
      config,
      head,
      json,
      configText: folder.configText,
      parameters,
      fresh,
      tokenizerPath: folder.tokenizerPath,
    };
  } finally {
    await folder.close();
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
