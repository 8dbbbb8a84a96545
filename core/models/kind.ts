import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { CONFIG_FILE, openModelFolder, type JsonObject } from '../checkpoint/model-folder';
import { UserError } from '../errors';
import { variantName } from '../protocol/grouping';
import { oneOf } from '../protocol/lists';
import { parseDecoderConfig } from './decoder/config';
import { parseEncoderConfig } from './encoder/config';
import { parseVitConfig } from './vit/config';

/** The kinds of models that methods start from: what the parsers of this folder read. A `grouped-vit` shares its heads already. */
export const modelKinds = ['decoder', 'encoder', 'vit', 'grouped-vit'] as const;
export type ModelKind = (typeof modelKinds)[number];

/** What a person calls a kind. */
export function modelKindName(kind: ModelKind): string {
  switch (kind) {
    case 'decoder':
      return l10n.t('a language model');
    case 'encoder':
      return l10n.t('a text encoder');
    case 'vit':
      return l10n.t('a vision transformer');
    case 'grouped-vit':
      return l10n.t('a vision transformer with shared attention heads');
  }
}

/** Kinds in words, one or another: `a text encoder or a vision transformer`. */
export function kindsInWords(kinds: readonly ModelKind[]): string {
  // With shared heads it is a vision transformer still.
  const told = kinds.filter((kind) => kind !== 'grouped-vit' || !kinds.includes('vit'));
  return oneOf([...new Set(told)].map(modelKindName));
}

/** What a `config.json` describes; undefined where none of the models here reads it. */
export function kindOfConfig(json: JsonObject): ModelKind | undefined {
  if (read(parseDecoderConfig, json)) return 'decoder';
  if (read(parseEncoderConfig, json)) return 'encoder';
  const vit = read(parseVitConfig, json);
  return vit && (variantName(vit.grouping) === 'MHA' ? 'vit' : 'grouped-vit');
}

function read<Config>(parse: (json: unknown) => Config, json: JsonObject): Config | undefined {
  try {
    return parse(json);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** A model that can be started from. */
export interface KnownModel {
  readonly kind: ModelKind;
  readonly config: JsonObject;
}

/**
 * The model in a folder, from its headers.
 * @throws UserError `model.*`, `safetensors.*`, `file.*`: why nothing can start from it
 */
export async function readModel(folder: string): Promise<KnownModel> {
  const model = await openModelFolder(folder);
  await model.close();
  const kind = kindOfConfig(model.config);
  if (kind) return { kind, config: model.config };
  const type = model.config.model_type;
  throw new UserError(
    'model.unknown-kind',
    typeof type === 'string'
      ? l10n.t`Winnow cannot train a model of type "${type}" with these settings.`
      : l10n.t`The config.json in ${folder} has no model_type.`,
    l10n.t('Winnow reads Llama, Mistral, Qwen2, BERT, DistilBERT, ViT and DeiT.'),
  );
}

/** The model in a folder; undefined where there is none, it is not whole, or nothing here reads it. */
export async function knownModel(folder: string): Promise<KnownModel | undefined> {
  try {
    return await readModel(folder);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The model folder that a file of weights belongs to, where it lies in one; everything else as it is. */
export async function modelFolderOf(target: string): Promise<string> {
  if (!/^model[-.].*(safetensors|\.index\.json)$/.test(path.basename(target))) return target;
  const folder = path.dirname(target);
  return stat(path.join(folder, CONFIG_FILE)).then(
    () => folder,
    () => target,
  );
}
