import { familyArchitecture } from '../../checkpoint/architecture';
import { openModelFolder, type ModelFolder } from '../../checkpoint/model-folder';
import type { Normalization } from '../../data/images/pixels';
import { requirePlainWeights } from '../../checkpoint/quantization';
import type { HostTensor } from '../../engine/host';
import { readCopied, saveModel, type Copied, type ModelToSave } from '../save';
import { checkInventory, readParameters, type Inventory } from '../weights';
import { parseVitConfig, type VitConfig } from './config';
import { vitTensorShapes } from './layout';

/** What the config of a folder says, checked against its headers. */
export interface VitDescription {
  readonly config: VitConfig;
  /** The parsed `config.json`, under the names of its family: see `familyArchitecture`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** A vision transformer in main memory, with what its folder says beyond the weights. */
export interface LoadedVit extends VitDescription, Copied {
  /** float32, whatever the folder's dtype. */
  readonly parameters: Record<string, HostTensor<'float32'>>;
}

/** Tensors of a folder that an image classifier computes nothing with. */
const UNUSED: Inventory['unused'] = {
  'the pooler, which transformers does not use under a classifier': /^(vit|deit)\.pooler\.dense\.(weight|bias)$/,
  'of training on masked images': /^((vit|deit)\.embeddings\.mask_token|decoder\.\d+\.(weight|bias))$/,
};

/**
 * What a folder of a ViT or DeiT for image classification says of itself, without reading its weights.
 * @param dir the folder as its user knows it, for sentences
 * @throws UserError `model.*` where the config is not understood, or the tensors are not those that it asks for
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

/** What transformers reads to prepare images for a model. */
const PREPROCESSOR_FILE = 'preprocessor_config.json';

export interface VitToSave extends Omit<ModelToSave, 'tokenizerFrom'> {
  readonly config: VitConfig;
  /** How images were normalized in training. */
  readonly normalization: Normalization;
}

/**
 * Writes a checkpoint of a vision transformer, with what transformers reads to prepare images as training did: see
 * `saveModel`.
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
