import { openModelFolder, TOKENIZER_FILE, type ModelFolder } from '../../checkpoint/model-folder';
import type { HostTensor } from '../../engine/host';
import { UserError } from '../../errors';
import { readParameters } from '../parameters';
import { saveModel, type ModelToSave } from '../save';
import type { DecoderConfig } from './config';
import { parseDecoderConfig } from './config';
import { tensorShapes } from './layout';

/** A decoder in main memory, with what its folder says beyond the weights. */
export interface LoadedDecoder {
  readonly config: DecoderConfig;
  /** The parsed `config.json` and its text, so that a copy keeps what Winnow does not know. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly configText?: string | undefined;
  /** float32, whatever the folder's dtype. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
  readonly tokenizerPath: string;
}

/**
 * Loads a Hugging Face folder of a Llama, Mistral or Qwen2 model, full or factored.
 * @throws UserError where a tensor is missing or has another shape than `config.json` says, or no tokenizer is there
 */
export async function loadDecoder(dir: string): Promise<LoadedDecoder> {
  const folder = await openModelFolder(dir);
  try {
    const config = parseDecoderConfig(folder.config);
    const tokenizerPath = requireTokenizer(folder, dir);
    const parameters = await readParameters(folder, dir, tensorShapes(config));
    return {
      config,
      json: folder.config,
      configText: folder.configText,
      parameters,
      tokenizerPath,
    };
  } finally {
    await folder.close();
  }
}

/** @throws UserError `model.no-tokenizer` */
export function requireTokenizer({ tokenizerPath }: Pick<ModelFolder, 'tokenizerPath'>, dir: string): string {
  if (tokenizerPath !== undefined) return tokenizerPath;
  throw new UserError(
    'model.no-tokenizer',
    `${dir} has no ${TOKENIZER_FILE}.`,
    'Put the tokenizer of the model beside its weights.',
  );
}

/** Writes a checkpoint of a decoder: see `saveModel`. */
export const saveDecoder = (
  dir: string,
  model: ModelToSave & Required<Pick<ModelToSave, 'tokenizerFrom'>>,
): Promise<void> => saveModel(dir, model);
