import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { DTYPE_BYTES, isDtype } from '../../checkpoint/dtype';
import { readExtraFiles } from '../../checkpoint/extra-files';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder, type ModelFolder } from '../../checkpoint/model-folder';
import { requireFreeFolder, writeModelFolder } from '../../checkpoint/model-folder-writer';
import { readAhead, type ProgressOptions } from '../../checkpoint/read-ahead';
import { tensorBytes, withProgress, type TensorToWrite } from '../../checkpoint/safetensors-writer';
import { writeMeta, type CheckpointMeta } from '../../checkpoint/training-state';
import { UserError } from '../../errors';
import { makeFolder, writeFolderAtomic } from '../../files';
import { describeDecoder, requireTokenizer, type DecoderDescription } from './checkpoint';
import { withRanks, type DecoderConfig, type Ranks } from './config';
import { factorNames, tensorShapes } from './layout';

/** A nested decoder on the disk, with its headers read. */
export interface NestedFolder extends DecoderDescription {
  readonly dir: string;
  readonly folder: ModelFolder;
}

/**
 * Opens the folder of a nested model, passes it to `use`, and closes it.
 * @throws UserError `slice.not-nested`, and those of `describeDecoder`
 */
export async function withNested<T>(dir: string, use: (model: NestedFolder) => Promise<T>): Promise<T> {
  const folder = await openModelFolder(dir);
  try {
    const described = await describeDecoder(folder, dir);
    if (described.config.nested.length === 0) throw notNested(dir, described.config);
    return await use({ ...described, dir, folder });
  } finally {
    await folder.close();
  }
}

function notNested(dir: string, { ranks }: DecoderConfig): UserError {
  const is =
    Object.keys(ranks).length > 0
      ? l10n.t`${dir} is a factored model of one size.`
      : l10n.t`${dir} is a full model: none of its layers is factored.`;
  return new UserError(
    'slice.not-nested',
    l10n.t`${is} Only a nested model has smaller sizes in it: its leading components were trained as models of their own.`,
    l10n.t(
      'Train one with the method "plrd" and a nested schedule. With "winnow run" and the method "plrd", any decoder becomes a family of smaller models.',
    ),
  );
}

/** Bytes of a factor that are read at a time: whole rows, so a little less. */
const PIECE = 4 * 2 ** 20;

/**
 * Writes a size of a nested model as a model of its own: the leading components of every factored layer, byte for byte;
 * all other tensors and files as they are. Completely or not at all, piece by piece.
 * @param target a folder that does not exist, or is empty
 * @throws UserError `slice.exists`, `disk.*`, `file.*`; the signal's reason
 */
export async function writeSlice(
  { dir, folder, config, json }: NestedFolder,
  ranks: Ranks,
  target: string,
  meta: Omit<CheckpointMeta, 'files' | 'kind' | 'parent'>,
  options: ProgressOptions = {},
): Promise<{ readonly bytes: number }> {
  await requireFreeFolder(target, 'slice.exists');
  const tokenizerFrom = requireTokenizer(folder, dir);
  const smaller = withRanks(json, ranks);
  const tensors = withProgress([...cut(folder, config, ranks, options)], options);
  const { files: extraFiles } = await readExtraFiles(dir);
  const parent = await fingerprintModel(folder);
  await makeFolder(path.dirname(target));
  await writeFolderAtomic(target, async (made) => {
    await writeModelFolder(made, {
      config: smaller,
      configText: folder.configText,
      tensors,
      tokenizerFrom,
      metadata: folder.metadata,
      extraFiles,
    });
    await writeMeta(made, { ...meta, kind: 'model', parent });
  });
  return { bytes: tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0) };
}

/** The tensors of a size. */
function* cut(
  folder: ModelFolder,
  config: DecoderConfig,
  ranks: Ranks,
  { signal }: ProgressOptions,
): Generator<TensorToWrite> {
  const small = tensorShapes(parseSmaller(config, ranks));
  const columns = new Set(Object.keys(ranks).map((name) => factorNames(name).u));
  for (const [name, shape] of small) {
    const { dtype, shape: from, byteLength } = folder.tensors.get(name)!;
    if (!isDtype(dtype)) throw new Error(`a decoder has a tensor of ${dtype}`);
    const size = DTYPE_BYTES[dtype];
    const [rows, width] = [from[0]!, (from[1] ?? 1) * size];
    const kept = columns.has(name) ? shape[1]! * size : width;
    // Of v, the leading rows; of u, the leading columns of every row.
    const wanted = columns.has(name) ? rows : shape[0]!;
    const step = Math.max(1, Math.floor(PIECE / width));
    const pieces = async function* () {
      for (let row = 0; row < wanted; row += step) {
        const count = Math.min(step, wanted - row);
        const bytes = await folder.readBytes(name, { offset: row * width, length: count * width });
        if (kept === width) yield bytes;
        else {
          const packed = new Uint8Array(count * kept);
          for (let i = 0; i < count; i++) packed.set(bytes.subarray(i * width, i * width + kept), i * kept);
          yield packed;
        }
      }
    };
    if (byteLength !== rows * width) throw new Error(`${name} has ${byteLength} bytes`);
    yield { name, dtype, shape, data: () => readAhead(pieces(), signal) };
  }
}

const parseSmaller = (config: DecoderConfig, ranks: Ranks): DecoderConfig => ({ ...config, ranks, nested: [] });
