import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FloatDtype } from '../../checkpoint/dtype';
import { openModelFolder } from '../../checkpoint/model-folder';
import { writeModelFolder } from '../../checkpoint/model-folder-writer';
import { float32Tensor } from '../../checkpoint/safetensors-writer';
import type { Normalisation } from '../../data/images/pixels';
import { floats, type HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { writeFolderAtomic } from '../../files';
import { META_FILE, writeTrainingState, type CheckpointMeta, type TrainingState } from '../../training/checkpoint';
import { readParameters } from '../parameters';
import { parseVitConfig, type VitConfig } from './config';
import { vitTensorShapes } from './layout';

/** A vision transformer in main memory, with what its folder says beyond the weights. */
export interface LoadedVit {
  readonly config: VitConfig;
  /** The parsed `config.json` and its text, so that a copy keeps what Winnow does not know. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly configText?: string | undefined;
  /** float32, whatever the folder's dtype. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
}

/**
 * Loads a Hugging Face folder of a ViT or DeiT for image classification, with heads of its own or grouped.
 * @throws UserError `model.*` where a tensor is missing or has another shape than `config.json` says
 */
export async function loadVit(dir: string): Promise<LoadedVit> {
  const folder = await openModelFolder(dir);
  try {
    const config = parseVitConfig(folder.config);
    const parameters = await readParameters(folder, dir, vitTensorShapes(config));
    return { config, json: folder.config, configText: folder.configText, parameters };
  } finally {
    await folder.close();
  }
}

/** What transformers reads to prepare images for a model. */
const PREPROCESSOR_FILE = 'preprocessor_config.json';

const TORCH_NAMES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

export interface VitToSave {
  readonly config: VitConfig;
  readonly json: Readonly<Record<string, unknown>>;
  readonly configText?: string | undefined;
  readonly parameters: Named<HostTensor>;
  /** How images were normalised in training. */
  readonly normalisation: Normalisation;
  readonly dtype: FloatDtype;
  readonly meta: CheckpointMeta;
  /** Present in checkpoints to resume from. */
  readonly training?: TrainingState;
  /** Writes further files into the folder before it is there. */
  readonly alsoWrite?: (folder: string) => Promise<void>;
}

/** Writes a checkpoint: a Hugging Face folder with `meta.json` and, to resume from, the optimizer's state. All or nothing. */
export async function saveVit(dir: string, model: VitToSave): Promise<void> {
  const { config, json, configText, parameters, normalisation, dtype, meta, training, alsoWrite } = model;
  const tensors = Object.entries(parameters).map(([name, tensor]) =>
    float32Tensor(name, tensor.shape, floats(tensor), dtype),
  );
  const size = { height: config.imageSize, width: config.imageSize };
  const preprocessor = {
    image_processor_type: config.modelType === 'vit' ? 'ViTImageProcessor' : 'DeiTImageProcessor',
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    rescale_factor: 1 / 255,
    size,
    image_mean: normalisation.mean,
    image_std: normalisation.deviation,
  };
  await writeFolderAtomic(dir, async (folder) => {
    await writeModelFolder(folder, {
      config: { ...json, torch_dtype: TORCH_NAMES[dtype], ...('dtype' in json ? { dtype: TORCH_NAMES[dtype] } : {}) },
      ...(configText === undefined ? {} : { configText }),
      tensors,
      extraFiles: { [PREPROCESSOR_FILE]: `${JSON.stringify(preprocessor, undefined, 2)}\n` },
    });
    if (training) await writeTrainingState(folder, training);
    await alsoWrite?.(folder);
    await writeFile(path.join(folder, META_FILE), `${JSON.stringify(meta, null, 2)}\n`);
  });
}
