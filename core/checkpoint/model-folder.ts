import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { messageOf, systemCode, UserError } from '../errors';
import { NOT_FETCHED } from './not-fetched';
import { explainReadError, requireFile } from '../file-errors';
import { elementCount } from './dtype';
import { otherFormat } from './other-formats';
import { noTensor, openSafetensorsFile, type ByteRange, type TensorInfo, type TensorReader } from './safetensors';
import { quoted } from './safetensors-header';

export const CONFIG_FILE = 'config.json';
export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';
export const TOKENIZER_FILE = 'tokenizer.json';

/** The index of the largest public models has about 10 MB; a larger file is neither an index nor a configuration. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

export type JsonObject = Readonly<Record<string, unknown>>;

/** A Hugging Face model folder; its weights appear as one set of tensors, however many files hold them. */
export interface ModelFolder extends TensorReader {
  readonly config: JsonObject;
  /**
   * `config.json` as it was written (without a byte order mark). Pass it to `writeModelFolder`, which then keeps the
   * spelling of what is unchanged.
   */
  readonly configText: string;
  /** Elements of all tensors. A tied weight is stored, and counted, once. */
  readonly parameterCount: number;
  /** Bytes of all tensors. */
  readonly totalBytes: number;
  /** `tokenizer.json`, if the folder has one. */
  readonly tokenizerPath?: string;
}

/**
 * Opens a folder with `config.json` and `model.safetensors`, or the shards of `model.safetensors.index.json`.
 *
 * @throws UserError `model.not-a-folder`, `model.not-fetched`, `model.no-config`, `model.no-weights`, `model.bad-json`, `model.bad-index`,
 *   `model.shard-outside`, `model.missing-shard`, `model.missing-tensor`; `safetensors.*` and `file.*` from a shard
 */
export async function openModelFolder(dir: string): Promise<ModelFolder> {
  await checkFolder(dir);
  const configText = await readText(path.join(dir, CONFIG_FILE));
  if (configText === undefined) {
    const hasWeights = (await exists(path.join(dir, WEIGHTS_FILE))) || (await exists(path.join(dir, INDEX_FILE)));
    const hint = l10n.t('Give the path of a Hugging Face model folder: the one that contains config.json.');
    if (await exists(path.join(dir, NOT_FETCHED)))
      throw new UserError(
        'model.not-fetched',
        l10n.t`${dir} is on the machine where its run ran, and was not copied to this one yet.`,
        l10n.t`Fetch it: winnow fetch ${path.basename(path.resolve(dir, '..', '..'))} ${path.basename(dir)}`,
      );
    throw (
      (hasWeights ? undefined : await otherFormat(dir)) ??
      new UserError('model.no-config', l10n.t`${dir} has no ${CONFIG_FILE}.`, hint)
    );
  }
  const config = parseObject(configText, path.join(dir, CONFIG_FILE));
  const tokenizer = path.join(dir, TOKENIZER_FILE);
  const hasTokenizer = await exists(tokenizer);
  const weights = await openWeights(dir);
  return new OpenModelFolder(dir, config, configText, weights, hasTokenizer ? { tokenizerPath: tokenizer } : {});
}

/**
 * Opens the shards that an index file (`*.safetensors.index.json`) names, which are in the same folder.
 *
 * @throws UserError `file.*`, `model.bad-json`, `model.bad-index`, `model.shard-outside`, `model.missing-shard`,
 *   `model.missing-tensor`; `safetensors.*` from a shard
 */
export async function openShardIndex(indexPath: string): Promise<TensorReader> {
  const weights = await openShards(path.dirname(indexPath), await readShardIndex(indexPath));
  return new OpenModelFolder(indexPath, {}, '', weights, {});
}

/** The shard of each tensor. @throws UserError `file.*`, `model.bad-*`, `model.shard-outside` */
export async function readShardIndex(indexPath: string): Promise<ReadonlyMap<string, string>> {
  const text = await readText(indexPath);
  if (text === undefined) throw noFile(indexPath);
  return parseWeightMap(text, indexPath);
}

/** A JSON object from a file. @throws UserError `file.*`, `model.bad-json` */
export const readJsonObject = async (file: string): Promise<JsonObject> => (await readJsonText(file)).json;

/** The same, with its text without a byte order mark. */
export async function readJsonText(file: string): Promise<{ json: JsonObject; text: string }> {
  const text = await readText(file);
  if (text === undefined) throw noFile(file);
  return { json: parseObject(text, file), text };
}

const noFile = (file: string) =>
  new UserError(
    'file.not-found',
    l10n.t`There is no file ${file}.`,
    l10n.t('Check the path; the file may have been moved or deleted.'),
  );

type Weights = ReadonlyMap<string, TensorReader>;

async function openWeights(dir: string): Promise<Weights> {
  const single = path.join(dir, WEIGHTS_FILE);
  if (await exists(single)) {
    const file = await openSafetensorsFile(single);
    return new Map([...file.tensors.keys()].map((name) => [name, file]));
  }
  const indexPath = path.join(dir, INDEX_FILE);
  const text = await readText(indexPath);
  if (text === undefined) {
    const hint = l10n.t('Check that the download is complete: the weights are the largest files of a model.');
    throw (
      (await otherFormat(dir)) ??
      new UserError('model.no-weights', l10n.t`${dir} has neither ${WEIGHTS_FILE} nor ${INDEX_FILE}.`, hint)
    );
  }
  return openShards(dir, parseWeightMap(text, indexPath));
}

async function openShards(dir: string, weightMap: ReadonlyMap<string, string>): Promise<Weights> {
  const shards = new Map<string, TensorReader>();
  const weights = new Map<string, TensorReader>();
  try {
    for (const [name, shardName] of weightMap) {
      const shard = shards.get(shardName) ?? (await openShard(dir, shardName));
      shards.set(shardName, shard);
      if (!shard.tensors.has(name)) {
        const hint = l10n.t('The shards do not belong to one model: copy or download the folder again.');
        throw new UserError(
          'model.missing-tensor',
          l10n.t`${shard.name} lacks the tensor ${quoted(name)}, which the index lists.`,
          hint,
        );
      }
      weights.set(name, shard);
    }
    return weights;
  } catch (error) {
    for (const shard of shards.values()) await shard.close();
    throw error;
  }
}

async function openShard(dir: string, shardName: string): Promise<TensorReader> {
  const file = path.join(dir, shardName);
  if (await exists(file)) return openSafetensorsFile(file);
  const hint = l10n.t('The download is not complete: copy or download the missing file.');
  throw new UserError(
    'model.missing-shard',
    l10n.t`${dir} lacks the shard ${quoted(shardName)}, which its index lists.`,
    hint,
  );
}

function parseWeightMap(text: string, indexPath: string): ReadonlyMap<string, string> {
  const map = parseObject(text, indexPath).weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new UserError('model.bad-index', l10n.t`${indexPath} has no weight_map object.`, repair());
  }
  const entries = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') {
      throw new UserError('model.bad-index', l10n.t`${indexPath} names no file for tensor ${quoted(name)}.`, repair());
    }
    if (!isBareFileName(shard)) {
      const hint = l10n.t(
        'Shards must be in the same folder as the index. Do not use this model unless you know why they are not.',
      );
      throw new UserError('model.shard-outside', l10n.t`${indexPath} names the file ${quoted(shard)}.`, hint);
    }
    entries.set(name, shard);
  }
  return entries;
}

const repair = () => l10n.t('Copy or download the file again, or repair it in an editor.');

/** A name that stays in its folder on every system: an index is untrusted and must not reach other files. */
export function isBareFileName(name: string): boolean {
  return !/[/\\:\0]/.test(name) && !['', '.', '..'].includes(name);
}

async function checkFolder(dir: string): Promise<void> {
  const isFolder = await stat(dir).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw explainReadError(error, dir);
    },
  );
  if (isFolder) return;
  if (await exists(dir))
    throw new UserError(
      'model.not-a-folder',
      l10n.t`${dir} is a file, not the folder of a model.`,
      l10n.t('Name the folder that holds its config.json and model.safetensors; "winnow inspect" says what a file is.'),
    );
  throw new UserError(
    'model.not-a-folder',
    l10n.t`There is no folder ${dir}.`,
    l10n.t(
      'Check the path of the model. Winnow downloads nothing: get a model of the Hugging Face Hub first, then name its folder.',
    ),
  );
}

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

async function readText(file: string): Promise<string | undefined> {
  try {
    const found = await stat(file);
    requireFile(file, found);
    const { size } = found;
    if (size > MAX_JSON_BYTES)
      throw new UserError('model.bad-json', l10n.t`${file} is too large: ${size} bytes.`, repair());
    return decodeText(await readFile(file), file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw explainReadError(error, file);
  }
}

/** UTF-8, with or without a byte order mark: some editors on Windows write one. */
function decodeText(bytes: Uint8Array, file: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new UserError('model.bad-json', l10n.t`${file} is UTF-16.`, l10n.t('Save it as UTF-8.'));
  return new TextDecoder().decode(bytes);
}

function parseObject(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError('model.bad-json', l10n.t`${file} is not valid JSON: ${messageOf(error)}.`, repair(), {
      cause: error,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new UserError('model.bad-json', l10n.t`${file} does not hold a JSON object.`, repair());
}

class OpenModelFolder implements ModelFolder {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly parameterCount: number;
  readonly totalBytes: number;
  declare readonly tokenizerPath?: string;
  readonly #files: ReadonlySet<TensorReader>;

  readonly #weights: Weights;

  constructor(
    readonly name: string,
    readonly config: JsonObject,
    readonly configText: string,
    weights: Weights,
    optional: { readonly tokenizerPath?: string },
  ) {
    this.#weights = weights;
    Object.assign(this, optional);
    this.#files = new Set(weights.values());
    this.tensors = new Map([...weights].map(([tensor, file]) => [tensor, file.tensors.get(tensor)!]));
    this.metadata = Object.assign({}, ...[...this.#files].map((file) => file.metadata)) as Record<string, string>;
    const infos = [...this.tensors.values()];
    this.parameterCount = infos.reduce((sum, { shape }) => sum + elementCount(shape)!, 0);
    this.totalBytes = infos.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  async readBytes(name: string, range?: ByteRange): Promise<Uint8Array> {
    return this.#fileOf(name).readBytes(name, range);
  }

  async readFloat32(name: string): Promise<Float32Array> {
    return this.#fileOf(name).readFloat32(name);
  }

  async *chunks(name: string, maxBytes: number): AsyncGenerator<Uint8Array, void> {
    yield* this.#fileOf(name).chunks(name, maxBytes);
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }

  #fileOf(name: string): TensorReader {
    const file = this.#weights.get(name);
    if (file === undefined) throw noTensor(this.name, name);
    return file;
  }
}
