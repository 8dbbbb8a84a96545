import { openModelFolder } from '../../checkpoint/model-folder';
import type { HostTensor } from '../../engine/host';
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
