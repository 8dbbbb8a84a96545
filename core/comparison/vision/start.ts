import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder } from '../../checkpoint/model-folder';
import { openImages, type ImageData } from '../../data/images/source';
import { f32, floats, type HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { UserError } from '../../errors';
import { readCopied, type Copied } from '../../models/save';
import { describeVit, loadVit } from '../../models/vit/checkpoint';
import { parseVitConfig, prefixTokens, gridOf, type VitConfig } from '../../models/vit/config';
import { initializeVit } from '../../models/vit/initialize';
import { names } from '../../models/vit/layout';
import { interpolatePositions } from '../../models/vit/positions';
import { variantName } from '../../protocol/grouping';
import type { VisionModel, VisionRecipe } from './config';
import { regroup } from './regroup';

const DEFAULT_SIDE = 224;

/** The architecture that trainings have in common, and where their weights start. */
export interface VitStart {
  readonly config: VitConfig;
  /** `config.json` of the models to be made. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What they take from the folder beside that. */
  readonly copied: Copied;
  /**
   * Where the weights of a model start that differs from this in its heads alone: fresh, or those of the folder, fitted to
   * the classes and the size of the images, shared heads pooled.
   * @throws UserError `model.grouped` where the folder's heads are shared already, in another way
   */
  weightsOf(config: VitConfig): (seed: number) => Promise<Named<HostTensor>>;
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
    const json = {
      architectures: ['ViTForImageClassification'],
      model_type: 'vit',
      hidden_size: model.hidden_size,
      intermediate_size: model.intermediate_size,
      num_hidden_layers: model.num_hidden_layers,
      num_attention_heads: model.num_attention_heads,
      patch_size: model.patch_size,
      image_size: model.image_size ?? DEFAULT_SIDE,
      initializer_range: model.initializer_range,
      hidden_act: 'gelu',
      layer_norm_eps: 1e-6,
      qkv_bias: true,
      ...classes,
    };
    const config = parseVitConfig(json);
    return {
      config,
      json,
      copied: {},
      from: undefined,
      weightsOf: (own) => (seed) => Promise.resolve(initializeVit(own, seed)),
    };
  }
  const from = path.resolve(baseDir, model.from);
  const { config: original, json: originalJson, copied } = await readFolder(from);
  const image_size = model.image_size ?? original.imageSize;
  if (original.channels !== data.channels)
    throw new UserError(
      'model.channels',
      l10n.t`The model in ${from} expects images with ${original.channels} channels, but the data has ${data.channels}.`,
      l10n.t`Set data.channels to ${original.channels}.`,
      {
        fixes: [
          { title: l10n.t`Set data.channels to ${original.channels}`, key: 'data.channels', value: original.channels },
        ],
      },
    );
  const json = { ...originalJson, ...classes, image_size };
  const config = parseVitConfig(json);
  return {
    config,
    json,
    copied,
    from,
    weightsOf(own) {
      requirePoolable(config, own, from);
      return async (seed) => regroup(await fitted(from, config, seed), config, own);
    },
  };
}

/** Folders of models that a run starts from. */
export const modelFolder = ({ from }: VisionModel, baseDir: string): string[] =>
  from === undefined ? [] : [path.resolve(baseDir, from)];

/** Fingerprints of the images and of the model that a run starts from. */
export async function fingerprintsOf(
  { model, data }: Pick<VisionRecipe, 'model' | 'data'>,
  baseDir: string,
): Promise<Record<string, string>> {
  const images = await (await openImages(data, baseDir)).fingerprint();
  const [from] = modelFolder(model, baseDir);
  if (from === undefined) return { data: images };
  const folder = await openModelFolder(from);
  try {
    return { model: await fingerprintModel(folder), data: images };
  } finally {
    await folder.close();
  }
}

/** What a folder says of its model, without its weights. */
async function readFolder(from: string) {
  const folder = await openModelFolder(from);
  try {
    const { config, json } = describeVit(folder, from);
    return { config, json, copied: await readCopied(folder) };
  } finally {
    await folder.close();
  }
}

function requirePoolable({ grouping }: VitConfig, to: VitConfig, from: string): void {
  const own = variantName(grouping);
  const wanted = variantName(to.grouping);
  if (own === 'MHA' || own === wanted) return;
  throw new UserError(
    'model.grouped',
    l10n.t`The model in ${from} already shares heads (${own}); it cannot be converted to ${wanted}.`,
    l10n.t('Start from a model with multi-head attention, or train from scratch.'),
  );
}

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
