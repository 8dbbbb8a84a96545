import { familyArchitecture } from '../../checkpoint/architecture';
import { openModelFolder, type ModelFolder } from '../../checkpoint/model-folder';
import type { Normalization } from '../../data/images/pixels';
import { requirePlainWeights } from '../../checkpoint/quantization';
import type { HostTensor } from '../../engine/host';
import { readCopied, saveModel, type Copied, type ModelToSave } from '../save';
import { checkInventory, readParameters, type Inventory } from '../weights';
import { parseVitConfig, type VitConfig } from './config';
import { vitTensorShapes } from './layout';

/** The config of a folder, checked against the headers of its weights. */
export interface VitDescription {
  readonly config: VitConfig;
  /** The parsed `config.json`, with the family's names: see `familyArchitecture`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** A vision transformer in main memory, with the rest of its folder. */
export interface LoadedVit extends VitDescription, Copied {
  /** float32, whatever the folder's dtype. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
}

/** Tensors that an image classifier does not use. */
const UNUSED: Inventory['unused'] = {
  'the pooler, which transformers does not use under a classifier': /^(vit|deit)\.pooler\.dense\.(weight|bias)$/,
  'of training on masked images': /^((vit|deit)\.embeddings\.mask_token|decoder\.\d+\.(weight|bias))$/,
};

/**
 * Describes a folder of a ViT or DeiT for image classification, without reading its weights.
 * @param dir the folder as the user named it, for messages
 * @throws UserError `model.*` if the config is not supported, or does not match the tensors
 */
export function describeVit(folder: ModelFolder, dir: string): VitDescription {
  requirePlainWeights(folder, dir);
  const json = familyArchitecture(folder.config);
  const config = parseVitConfig(json);
  checkInventory(folder, dir, { shapes: vitTensorShapes(config), unused: UNUSED });
  return { config, json };
}

/** Loads a Hugging Face folder of a ViT or DeiT for image classification. @throws UserError those of `describeVit` */
export async function loadVit(dir: string): Promise<LoadedVit> {
  const folder = await openModelFolder(dir);
  try {
    const { config, json } = describeVit(folder, dir);
    const parameters = await readParameters(folder, { shapes: vitTensorShapes(config) });
    return { ...(await readCopied(folder)), config, json, parameters };
  } finally {
    await folder.close();
  }
}

/** Tells transformers how to prepare images for a model. */
const PREPROCESSOR_FILE = 'preprocessor_config.json';

export interface VitToSave extends Omit<ModelToSave, 'tokenizerFrom'> {
  readonly config: VitConfig;
  /** How images were normalized in training. */
  readonly normalization: Normalization;
}

/**
 * Writes a checkpoint of a vision transformer, with the file that tells transformers to prepare images as in training:
 * see `saveModel`.
 */
export async function saveVit(dir: string, { config, normalization, ...model }: VitToSave): Promise<void> {
  const preprocessor = {
    image_processor_type: config.modelType === 'vit' ? 'ViTImageProcessor' : 'DeiTImageProcessor',
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    rescale_factor: 1 / 255,
    size: { height: config.imageSize, width: config.imageSize },
    image_mean: normalization.mean,
    image_std: normalization.deviation,
  };
  await saveModel(dir, {
    ...model,
    extraFiles: { ...model.extraFiles, [PREPROCESSOR_FILE]: `${JSON.stringify(preprocessor, undefined, 2)}\n` },
  });
}
