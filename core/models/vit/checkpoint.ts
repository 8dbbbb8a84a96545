import { openModelFolder } from '../../checkpoint/model-folder';
import type { Normalisation } from '../../data/images/pixels';
import type { HostTensor } from '../../engine/host';
import { readParameters } from '../parameters';
import { saveModel, type ModelToSave } from '../save';
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

export interface VitToSave extends Omit<ModelToSave, 'tokenizerFrom' | 'extraFiles'> {
  readonly config: VitConfig;
  /** How images were normalised in training. */
  readonly normalisation: Normalisation;
}

/** Writes a checkpoint of a vision transformer, with what transformers reads to prepare images: see `saveModel`. */
export async function saveVit(dir: string, { config, normalisation, ...model }: VitToSave): Promise<void> {
  const preprocessor = {
    image_processor_type: config.modelType === 'vit' ? 'ViTImageProcessor' : 'DeiTImageProcessor',
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    rescale_factor: 1 / 255,
    size: { height: config.imageSize, width: config.imageSize },
    image_mean: normalisation.mean,
    image_std: normalisation.deviation,
  };
  await saveModel(dir, {
    ...model,
    extraFiles: { [PREPROCESSOR_FILE]: `${JSON.stringify(preprocessor, undefined, 2)}\n` },
  });
}
