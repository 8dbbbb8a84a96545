import type { FloatDtype } from '../checkpoint/dtype';
import { readExtraFiles } from '../checkpoint/extra-files';
import type { ModelFolder } from '../checkpoint/model-folder';
import { writeModelFolder, type ModelToWrite } from '../checkpoint/model-folder-writer';
import { float32Tensor } from '../checkpoint/safetensors-writer';
import { withTorchDtype } from '../checkpoint/torch-dtype';
import { floats, type HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { writeFolderAtomic } from '../files';
import {
  previousOf,
  writeMeta,
  writeTrainingState,
  type CheckpointMeta,
  type TrainingState,
} from '../checkpoint/training-state';

/** What a model takes over from its source folder, besides config and weights; empty if it has no source. */
export interface Copied {
  /** The text of the `config.json`, so that unchanged parts keep their spelling. */
  readonly configText?: string | undefined;
  /** See `readExtraFiles`. */
  readonly extraFiles?: ModelToWrite['extraFiles'] | undefined;
  /** Files that are not copied and may be missed. */
  readonly left?: readonly string[] | undefined;
}

/** Reads what a model takes over from its folder. @throws UserError `file.*` */
export async function readCopied({ configText, name }: Pick<ModelFolder, 'configText' | 'name'>): Promise<Copied> {
  const { files, left } = await readExtraFiles(name);
  return { configText, extraFiles: files, left };
}

/** Lines for the log of a run about files that are not copied. */
export const leftBehind = ({ left = [] }: Copied): string[] =>
  left.length > 0 ? [`Not copied from the folder of the model: ${left.join(', ')}`] : [];

/** A model in main memory to write as a checkpoint. */
export interface ModelToSave extends Copied {
  /** Its `config.json`. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly parameters: Named<HostTensor>;
  /** Path of the `tokenizer.json` to copy, or its bytes; image models have none. */
  readonly tokenizerFrom?: string | Uint8Array;
  readonly dtype: FloatDtype;
  readonly meta: CheckpointMeta;
  /** Only in checkpoints to resume from. */
  readonly training?: TrainingState;
  /** Writes more files into the folder before it is renamed into place. */
  readonly alsoWrite?: (folder: string) => Promise<void>;
}

/**
 * Writes a checkpoint: a Hugging Face folder with `meta.json` and, to resume from, the optimizer state. All or nothing.
 * For a checkpoint to resume from, the one that it replaces is kept: see `previousOf`.
 */
export async function saveModel(dir: string, model: ModelToSave): Promise<void> {
  const { json, configText, parameters, tokenizerFrom, extraFiles, dtype, meta, training, alsoWrite } = model;
  const tensors = Object.entries(parameters).map(([name, tensor]) =>
    float32Tensor(name, tensor.shape, floats(tensor), dtype),
  );
  const fill = async (folder: string) => {
    await writeModelFolder(folder, {
      config: withTorchDtype(json, dtype),
      tensors,
      ...(configText !== undefined && { configText }),
      ...(tokenizerFrom !== undefined && { tokenizerFrom }),
      ...(extraFiles && { extraFiles }),
    });
    if (training) await writeTrainingState(folder, training);
    await alsoWrite?.(folder);
    await writeMeta(folder, meta);
  };
  await (training ? writeFolderAtomic(dir, fill, { previous: previousOf(dir) }) : writeFolderAtomic(dir, fill));
}
