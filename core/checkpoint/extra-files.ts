import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainReadError } from '../file-errors';
import { CONFIG_FILE, isBareFileName, TOKENIZER_FILE } from './model-folder';

/*
 * Which files are copied from the folder of a model to that of a model made from it. Every file directly in the folder
 * is, byte for byte, whether Winnow knows it or not: settings of tokenizers and generation, chat templates, vocabularies,
 * README, LICENSE, code. So is the one folder of chat templates that transformers writes. Not copied are:
 *   - weights in any format, their indexes, and files that describe only those weights (quantization, adapters);
 *   - what training leaves (optimizer states, logs, results), including Winnow's own files;
 *   - hidden files, data, other folders (checkpoints, runs, copies in other formats) and files too large to be settings.
 * config.json and tokenizer.json are written separately. The last group is returned to the caller, since it may be
 * missed.
 */

/** File endings of weights, training states, data and archives. */
const NOT_A_SETTING =
  /\.(safetensors|bin|pt|pth|ckpt|gguf|ggml|onnx|onnx_data\w*|h5|keras|msgpack|npz|npy|pkl|pickle|tflite|mlmodel|engine|ot|nemo|parquet|arrow|csv|tsv|jsonl|zip|tar|gz|tgz|7z|lock|partial|incomplete)$/i;

/** Indexes of weights, descriptions of quantized weights or adapters, and what training and Winnow write beside them. */
const OF_THESE_WEIGHTS: readonly RegExp[] = [
  /\.index\.json$/,
  /^(quantize_config|quant_config|hf_quant_config|quantization_config|adapter_config)\.json$/,
  /^(trainer_state|\w*results|meta|pretrain|log_history)\.json$/,
  /^(log\.txt|events\.out\.tfevents\..*)$/,
];

/** Where transformers puts additional chat templates. */
const TEMPLATES = 'additional_chat_templates';

/** Total size of all extra files. The largest vocabularies and tokenizers take half of it. */
const MAX_BYTES = 64 * 2 ** 20;

export interface ExtraFiles {
  /** Contents by the file's name in the folder. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** What the user may miss: folders, and files that are too large. */
  readonly left: readonly string[];
}

/** Whether an extra file may have this name: a plain one, or one in the folder of chat templates. */
export function isExtraFileName(name: string): boolean {
  const inner = name.startsWith(`${TEMPLATES}/`) ? name.slice(TEMPLATES.length + 1) : name;
  return isBareFileName(inner);
}

/** Reads the files that are copied with the model of a folder. @throws UserError `file.*` */
export async function readExtraFiles(folder: string): Promise<ExtraFiles> {
  const files: Record<string, Uint8Array> = {};
  const left: string[] = [];
  let bytes = 0;
  const read = async (name: string): Promise<void> => {
    const file = path.join(folder, name);
    // Follows links: in a download cache, all files are links.
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory()) left.push(`${name}/`);
    if (!found?.isFile()) return;
    if (bytes + found.size > MAX_BYTES) {
      left.push(name);
      return;
    }
    bytes += found.size;
    files[name] = await readFile(file).catch((error: unknown) => {
      throw explainReadError(error, file);
    });
  };
  for (const name of await namesIn(folder)) {
    if (name === TEMPLATES) for (const inner of await namesIn(path.join(folder, name))) await read(`${name}/${inner}`);
    else if (travels(name)) await read(name);
  }
  return { files, left };
}

function travels(name: string): boolean {
  if (name.startsWith('.') || [CONFIG_FILE, TOKENIZER_FILE].includes(name)) return false;
  return !NOT_A_SETTING.test(name) && !OF_THESE_WEIGHTS.some((pattern) => pattern.test(name));
}

const namesIn = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder).catch((error: unknown) => {
    throw explainReadError(error, folder);
  });
  return names.sort();
};
