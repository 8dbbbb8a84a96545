import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../errors';
import { writeFolderAtomic } from '../files';
import { honestArchitecture } from './architecture';
import { explainReadError } from '../file-errors';
import { isExtraFileName } from './extra-files';
import { stringifyLike } from './json-text';
import { CONFIG_FILE, INDEX_FILE, TOKENIZER_FILE, WEIGHTS_FILE, type JsonObject } from './model-folder';
import { tensorBytes, writeSafetensors, type TensorToWrite } from './safetensors-writer';

/** The shard size of the Hugging Face hub and of transformers. */
const MAX_SHARD_BYTES = 5_000_000_000;

/** transformers refuses weights that do not say which framework's layout they have. */
const PYTORCH_LAYOUT = { format: 'pt' };

export interface ModelToWrite {
  /** Written with a model type that other programs do not misread: see `honestArchitecture`. */
  readonly config: JsonObject;
  /** The text of the `config.json` that `config` was made from: unchanged parts keep their spelling (`1.0`). */
  readonly configText?: string;
  readonly tensors: Iterable<TensorToWrite>;
  /** The path of a `tokenizer.json`, or its bytes. */
  readonly tokenizerFrom?: string | Uint8Array;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Larger weights are split into shards of at most this size; a single tensor may be larger. */
  readonly maxShardBytes?: number;
  /** More files by their name in the folder: see `readExtraFiles`. */
  readonly extraFiles?: Readonly<Record<string, string | Uint8Array>>;
}

/**
 * Writes a Hugging Face model folder that replaces `dir`: completely or not at all. Tensors are streamed.
 *
 * @throws UserError `model.bad-file-name`, `file.*` for a tokenizer that cannot be read, `disk.*`, and those of
 *   `writeSafetensors`
 */
export async function writeModelFolder(dir: string, model: ModelToWrite): Promise<void> {
  const extraFiles = Object.entries(model.extraFiles ?? {});
  for (const [name] of extraFiles) checkExtraName(name);
  await writeFolderAtomic(dir, async (folder) => {
    await writeFile(path.join(folder, CONFIG_FILE), stringifyLike(honestArchitecture(model.config), model.configText));
    if (model.tokenizerFrom !== undefined) await putTokenizer(model.tokenizerFrom, path.join(folder, TOKENIZER_FILE));
    for (const [name, content] of extraFiles) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await writeWeights(folder, [...model.tensors], model);
  });
}

/**
 * @param folder one that does not exist yet, or is empty
 * @param code of the error if it is neither
 * @throws UserError `code`, `file.*`
 */
export async function requireFreeFolder(folder: string, code: string): Promise<void> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    if (systemCode(error) === 'ENOTDIR') return [path.basename(folder)];
    throw explainReadError(error, folder);
  });
  if (entries.length === 0) return;
  throw new UserError(code, l10n.t`${folder} already exists.`, l10n.t('Choose a folder that does not exist yet.'));
}

function checkExtraName(name: string): void {
  const taken = [CONFIG_FILE, TOKENIZER_FILE, INDEX_FILE].includes(name) || name.endsWith('.safetensors');
  if (isExtraFileName(name) && !taken) return;
  const hint = l10n.t('Use a plain file name that the model folder does not use already.');
  throw new UserError('model.bad-file-name', l10n.t`A model folder cannot have an extra file "${name}".`, hint);
}

async function putTokenizer(from: string | Uint8Array, target: string): Promise<void> {
  if (typeof from !== 'string') {
    await writeFile(target, from);
    return;
  }
  await copyFile(from, target).catch((error: unknown) => {
    // A full disk is about the target, and is explained with the folder; any other error is about the source.
    throw ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '') ? error : explainReadError(error, from);
  });
}

async function writeWeights(folder: string, tensors: readonly TensorToWrite[], model: ModelToWrite): Promise<void> {
  const metadata = { ...PYTORCH_LAYOUT, ...model.metadata };
  const shards = shard(tensors, model.maxShardBytes ?? MAX_SHARD_BYTES);
  if (shards.length <= 1) {
    await writeSafetensors(path.join(folder, WEIGHTS_FILE), tensors, metadata);
    return;
  }
  const weightMap = new Map<string, string>();
  for (const [i, part] of shards.entries()) {
    const file = shardName(i + 1, shards.length);
    await writeSafetensors(path.join(folder, file), part, metadata);
    for (const { name } of part) weightMap.set(name, file);
  }
  if (weightMap.size < tensors.length) {
    const hint = l10n.t('This is a bug in the code that made the model; please report it.');
    throw new UserError('safetensors.duplicate-name', l10n.t`Two tensors of ${folder} have the same name.`, hint);
  }
  const totalSize = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  const index = { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(weightMap) };
  await writeFile(path.join(folder, INDEX_FILE), `${JSON.stringify(index, undefined, 2)}\n`);
}

const shardName = (number: number, count: number) =>
  `model-${String(number).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;

/** Fills shards in the given order; a tensor that is larger than a shard gets its own. */
function shard(tensors: readonly TensorToWrite[], maxBytes: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor);
    if (shards.length === 0 || bytes > room) {
      shards.push([]);
      room = maxBytes;
    }
    shards.at(-1)!.push(tensor);
    room -= bytes;
  }
  return shards;
}
