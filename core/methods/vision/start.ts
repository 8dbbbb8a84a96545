import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ImageData } from '../../data/images/source';
import { f32, floats, type HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { UserError } from '../../errors';
import { loadVit } from '../../models/vit/checkpoint';
import { parseVitConfig, prefixTokens, gridOf, type VitConfig } from '../../models/vit/config';
import { initializeVit } from '../../models/vit/initialize';
import { names } from '../../models/vit/layout';
import { interpolatePositions } from '../../models/vit/positions';
import type { VisionModel } from './config';

const DEFAULT_SIDE = 224;

/** The architecture that trainings have in common, and where their weights start. */
export interface VitStart {
  readonly config: VitConfig;
  /** `config.json` of the models to be made. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Weights to start from, fitted to the classes and the size of the images; undefined for fresh ones. */
  load(seed: number): Promise<Named<HostTensor>>;
  /** Folder of the model that it starts from. */
  readonly from: string | undefined;
}

/**
 * @param baseDir what `model.from` is relative to
 * @throws UserError `model.*`
 */
export async function startOf(
  model: VisionModel,
  data: Pick<ImageData, 'classes' | 'channels'>,
  baseDir: string,
): Promise<VitStart> {
  const classes = {
    id2label: Object.fromEntries(data.classes.map((name, i) => [i, name])),
    label2id: Object.fromEntries(data.classes.map((name, i) => [name, i])),
    num_channels: data.channels,
  };
  if (model.from === undefined) {
    const { from: _none, image_size = DEFAULT_SIDE, ...architecture } = model;
    const json = {
      architectures: ['ViTForImageClassification'],
      model_type: 'vit',
      ...architecture,
      image_size,
      hidden_act: 'gelu',
      layer_norm_eps: 1e-6,
      qkv_bias: true,
      ...classes,
    };
    const config = parseVitConfig(json);
    return { config, json, from: undefined, load: (seed) => Promise.resolve(initializeVit(config, seed)) };
  }
  const from = path.resolve(baseDir, model.from);
  const original = await readConfig(from);
  const image_size = model.image_size ?? original.imageSize;
  if (original.channels !== data.channels)
    throw new UserError(
      'model.channels',
      `The model in ${from} sees images of ${original.channels} channels, the data has ${data.channels}.`,
      `Set data.channels to ${original.channels}.`,
      {
        fixes: [{ title: `Set data.channels to ${original.channels}`, key: 'data.channels', value: original.channels }],
      },
    );
  const json = { ...(await readJson(from)), ...classes, image_size };
  const config = parseVitConfig(json);
  return { config, json, from, load: (seed) => fitted(from, config, seed) };
}

const readJson = async (folder: string): Promise<Record<string, unknown>> => {
  const file = path.join(folder, 'config.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError('model.not-found', `${file} cannot be read.`, 'Give a Hugging Face folder of a ViT or DeiT.', {
      cause: error,
    });
  });
  return JSON.parse(text) as Record<string, unknown>;
};

const readConfig = async (folder: string): Promise<VitConfig> => parseVitConfig(await readJson(folder));

/** The weights of a folder, its positions stretched to another size of images, a fresh classifier for other classes. */
async function fitted(from: string, config: VitConfig, seed: number): Promise<Named<HostTensor>> {
  const loaded = await loadVit(from);
  const name = names(config);
  const parameters: Record<string, HostTensor> = { ...loaded.parameters };
  const sameClasses =
    loaded.config.labels.length === config.labels.length &&
    loaded.config.labels.every((label, i) => label === config.labels[i]);
  if (!sameClasses) {
    const fresh = initializeVit(config, seed);
    for (const part of ['weight', 'bias'] as const)
      parameters[`${name.classifier}.${part}`] = fresh[`${name.classifier}.${part}`]!;
  }
  const [before, after] = [gridOf(loaded.config), gridOf(config)];
  if (before !== after) {
    const shape = [1, prefixTokens(config) + after * after, config.hidden];
    const positions = floats(loaded.parameters[name.positions]!);
    const stretched = interpolatePositions(positions, {
      prefix: prefixTokens(config),
      width: config.hidden,
      before,
      after,
    });
    parameters[name.positions] = f32(shape, stretched);
  }
  return parameters;
}
