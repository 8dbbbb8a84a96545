import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { explainDiskError } from '../files';
import { winnowOnly } from './architecture';
import { decodeToFloat64 } from './decode-wide';
import { decodeToFloat32, encodeFromFloat32, type Dtype, type FloatDtype, type StoredDtype } from './dtype';
import { readExtraFiles } from './extra-files';
import { factorPairs, fullWeightName, type FactorPair } from './factors';
import { productRows } from './matrix-reader';
import { CONFIG_FILE, readJsonText, TOKENIZER_FILE, type JsonObject } from './model-folder';
import { requireFreeFolder, writeModelFolder } from './model-folder-writer';
import { withCheckpoints, type Checkpoint } from './open';
import { requirePlainWeights } from './quantization';
import { CHUNK_BYTES, readAhead, type ProgressOptions } from './read-ahead';
import type { TensorInfo, TensorReader } from './safetensors';
import { quoted } from './safetensors-header';
import { tensorBytes, withProgress, type TensorToWrite } from './safetensors-writer';
import { withTorchDtype } from './torch-dtype';

export interface ExportSettings {
  /** The dtype of the weights; `keep` leaves each as it is. Integers are never converted. */
  readonly dtype?: FloatDtype | 'keep';
  /** Whether factored layers are merged into full weights, which other tools can load. */
  readonly merge?: boolean;
}

export interface ExportResult {
  readonly folder: string;
  readonly tensors: number;
  readonly bytes: number;
  /** Factored layers that were merged. */
  readonly merged: number;
  /** What only Winnow can load; empty if other programs can load the model. */
  readonly winnowOnly: ReturnType<typeof winnowOnly>;
  /** Extra files that were copied from the source folder. */
  readonly copied: readonly string[];
  /** Folders and large files of the source that were not copied: see `readExtraFiles`. */
  readonly left: readonly string[];
}

const isConverted = (dtype: StoredDtype): dtype is Dtype => ['F64', 'F32', 'F16', 'BF16'].includes(dtype);

/**
 * Writes a model as a Hugging Face folder that other tools can load: completely or not at all, tensor by tensor.
 *
 * @param source a model folder, an index or a file with `config.json` beside it
 * @param target a folder that does not exist, or is empty
 * @throws UserError `export.exists`, `export.no-config`, `export.overflow`, `export.name-taken`, `model.quantized`,
 *   `linalg.too-large`, `disk.*`, and those of `openCheckpoint`; the signal's reason
 */
export async function exportCheckpoint(
  source: string,
  target: string,
  settings: ExportSettings = {},
  options: ProgressOptions = {},
): Promise<ExportResult> {
  const folder = path.resolve(target);
  await requireFreeFolder(folder, 'export.exists');
  return withCheckpoints([source], async (checkpoint) => {
    const { reader, folder: from } = checkpoint;
    const { config: original, configText } = await readConfig(checkpoint);
    requirePlainWeights({ tensors: reader.tensors, config: original }, source);
    const config = exportedConfig(original, settings);
    const pairs = settings.merge ? factorPairs(reader.tensors) : new Map<string, FactorPair>();
    const tensors = withProgress([...plan(reader, pairs, settings.dtype ?? 'keep', options)], options);
    const { files: extraFiles, left } = await readExtraFiles(from);
    const tokenizer = path.join(from, TOKENIZER_FILE);
    const hasTokenizer = (await readdir(from)).includes(TOKENIZER_FILE);
    await mkdir(path.dirname(folder), { recursive: true }).catch((error: unknown) => {
      throw explainDiskError(error, folder);
    });
    await writeModelFolder(folder, {
      config,
      configText,
      tensors,
      metadata: reader.metadata,
      extraFiles,
      ...(hasTokenizer ? { tokenizerFrom: tokenizer } : {}),
    });
    return {
      folder,
      tensors: tensors.length,
      bytes: tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
      merged: pairs.size,
      winnowOnly: winnowOnly(config),
      copied: [...(hasTokenizer ? [TOKENIZER_FILE] : []), ...Object.keys(extraFiles)],
      left,
    };
  });
}

async function readConfig({ path: source, folder }: Checkpoint): Promise<{ config: JsonObject; configText: string }> {
  const file = path.join(folder, CONFIG_FILE);
  try {
    const { json, text } = await readJsonText(file);
    return { config: json, configText: text };
  } catch (error) {
    if (!(error instanceof UserError && error.code === 'file.not-found')) throw error;
    throw new UserError(
      'export.no-config',
      l10n.t`${source} has no ${CONFIG_FILE} next to it, so nothing could load the export.`,
      l10n.t`Put the ${CONFIG_FILE} of the model there.`,
      { cause: error },
    );
  }
}

function exportedConfig(config: JsonObject, { dtype = 'keep', merge = false }: ExportSettings): JsonObject {
  const kept = merge ? withoutRanks(config) : config;
  if (dtype === 'keep') return kept;
  return withTorchDtype(kept, dtype);
}

/** The ranks of a factored model, and those of the sizes of a nested one: a merged model has neither. */
const RANK_LISTS: ReadonlySet<string> = new Set(['ranks', 'nested']);

/** The config without Winnow's lists of ranks, and without Winnow's section if nothing else is in it. */
function withoutRanks(config: JsonObject): JsonObject {
  const { winnow, ...others } = config;
  if (typeof winnow !== 'object' || winnow === null) return config;
  const rest = Object.entries(winnow).filter(([key]) => !RANK_LISTS.has(key));
  return rest.length === 0 ? others : { ...config, winnow: Object.fromEntries(rest) };
}

/** The tensors to write, in the order of the source; a merged weight takes the place of its first factor. */
function* plan(
  reader: TensorReader,
  pairs: ReadonlyMap<string, FactorPair>,
  dtype: FloatDtype | 'keep',
  options: ProgressOptions,
): Generator<TensorToWrite> {
  const byPart = new Map([...pairs.values()].flatMap((pair) => [pair.u, pair.v].map(({ name }) => [name, pair])));
  const written = new Set<FactorPair>();
  for (const info of reader.tensors.values()) {
    const pair = byPart.get(info.name);
    if (pair === undefined) yield converted(reader, info, dtype, options);
    else if (!written.has(pair)) {
      written.add(pair);
      yield merged(reader, pair, dtype, options);
    }
  }
}

function converted(
  reader: TensorReader,
  info: TensorInfo,
  dtype: FloatDtype | 'keep',
  { signal }: ProgressOptions,
): TensorToWrite {
  const { name, shape, dtype: from, byteLength } = info;
  const chunks = () => readAhead(reader.chunks(name, CHUNK_BYTES), signal);
  if (dtype === 'keep' || dtype === from || !isConverted(from))
    return { name, shape, dtype: from, byteLength, data: chunks };
  // float64 only for F64: in float32, a value that is too large would become infinity before it is noticed.
  const decode = from === 'F64' ? decodeToFloat64 : decodeToFloat32;
  const data = async function* () {
    for await (const chunk of chunks()) yield store(name, dtype, decode(from, chunk));
  };
  return { name, shape, dtype, data };
}

function merged(
  reader: TensorReader,
  pair: FactorPair,
  dtype: FloatDtype | 'keep',
  options: ProgressOptions,
): TensorToWrite {
  const name = fullWeightName(pair.path);
  if (reader.tensors.has(name)) {
    throw new UserError(
      'export.name-taken',
      l10n.t`${reader.name} has both factors for ${quoted(pair.path)} and a tensor ${quoted(name)}.`,
      l10n.t('Export it without --merge.'),
    );
  }
  const kept = (['F16', 'BF16'] as const).find((name) => name === pair.dtype) ?? 'F32';
  const target = dtype === 'keep' ? kept : dtype;
  const data = async function* () {
    for await (const { data: values } of productRows(reader, pair).blocks(options)) yield store(name, target, values);
  };
  return { name, shape: [pair.outFeatures, pair.inFeatures], dtype: target, data };
}

/** The smallest magnitudes that are rounded to infinity. */
const OVERFLOW: Record<FloatDtype, number> = {
  F32: 2 ** 128 - 2 ** 103,
  BF16: 2 ** 128 - 2 ** 119,
  F16: 65_520,
};

/** @throws UserError `export.overflow` if a finite value is out of the dtype's range */
function store(name: string, dtype: FloatDtype, values: Float32Array | Float64Array): Uint8Array {
  const limit = OVERFLOW[dtype];
  for (const value of values) {
    const size = Math.abs(value);
    if (size < limit || size === Infinity || Number.isNaN(size)) continue;
    throw new UserError(
      'export.overflow',
      l10n.t`Tensor ${quoted(name)} holds ${value}, which ${dtype} cannot represent.`,
      dtype === 'F16' ? l10n.t('Export as BF16 or F32, or keep the dtype.') : l10n.t('Keep the dtype.'),
    );
  }
  return encodeFromFloat32(dtype, values instanceof Float32Array ? values : new Float32Array(values));
}
