import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FloatDtype } from '../../checkpoint/dtype';
import { openModelFolder, TOKENIZER_FILE } from '../../checkpoint/model-folder';
import { writeModelFolder } from '../../checkpoint/model-folder-writer';
import { float32Tensor } from '../../checkpoint/safetensors-writer';
import type { HostTensor } from '../../engine/host';
import { floats } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { UserError } from '../../errors';
import { writeFolderAtomic } from '../../files';
import { META_FILE, writeTrainingState, type CheckpointMeta, type TrainingState } from '../../training/checkpoint';
import { readParameters } from '../parameters';
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
    if (folder.tokenizerPath === undefined)
      throw new UserError(
        'model.no-tokenizer',
        `${dir} has no ${TOKENIZER_FILE}.`,
        'Put the tokenizer of the model beside its weights.',
      );
    const parameters = await readParameters(folder, dir, tensorShapes(config));
    return {
      config,
      json: folder.config,
      configText: folder.configText,
      parameters,
      tokenizerPath: folder.tokenizerPath,
    };
  } finally {
    await folder.close();
  }
}

export interface DecoderToSave {
  readonly json: Readonly<Record<string, unknown>>;
  readonly configText?: string | undefined;
  readonly parameters: Named<HostTensor>;
  /** Path of the `tokenizer.json` to copy, or its bytes. */
  readonly tokenizerFrom: string | Uint8Array;
  readonly dtype: FloatDtype;
  readonly meta: CheckpointMeta;
  /** Present in checkpoints to resume from. */
  readonly training?: TrainingState;
}

/** Writes a checkpoint: a Hugging Face folder with `meta.json` and, to resume from, the optimizer's state. All or nothing. */
export async function saveDecoder(dir: string, model: DecoderToSave): Promise<void> {
  const { json, configText, parameters, tokenizerFrom, dtype, meta, training } = model;
  const tensors = Object.entries(parameters).map(([name, tensor]) =>
    float32Tensor(name, tensor.shape, floats(tensor), dtype),
  );
  const torch = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[dtype];
  await writeFolderAtomic(dir, async (folder) => {
    await writeModelFolder(folder, {
      // transformers 5 renamed the key; a folder that has the new one must not contradict itself.
      config: { ...json, torch_dtype: torch, ...('dtype' in json ? { dtype: torch } : {}) },
      ...(configText === undefined ? {} : { configText }),
      tensors,
      tokenizerFrom,
    });
    if (training) await writeTrainingState(folder, training);
    await writeFile(path.join(folder, META_FILE), `${JSON.stringify(meta, null, 2)}\n`);
  });
}
