import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainReadError } from '../file-errors';
import { CONFIG_FILE, isBareFileName, TOKENIZER_FILE } from './model-folder';

/*
 * The rule of what travels with a model into what is made of it. Every file that lies directly in its folder does, byte for
 * byte, known to us or not: settings of tokenizers and generation, chat templates, vocabularies, README, LICENSE, code. So
 * does the one folder of chat templates that transformers writes. What stays behind:
 *   - weights in any format, their indexes, and files that describe those weights and no others (quantization, adapters);
 *   - what training leaves (optimizer states, logs, results), Winnow's own files among it;
 *   - hidden files, data, other folders (checkpoints, runs, copies in other formats) and what is too large to be a setting.
 * config.json and tokenizer.json are written on their own. The last group is named to whoever asks, since it may be missed.
 */

/** Endings of weights, of training states, of data and of archives. */
const NOT_A_SETTING =
  /\.(safetensors|bin|pt|pth|ckpt|gguf|ggml|onnx|onnx_data\w*|h5|keras|msgpack|npz|npy|pkl|pickle|tflite|mlmodel|engine|ot|nemo|parquet|arrow|csv|tsv|jsonl|zip|tar|gz|tgz|7z|lock|partial|incomplete)$/i;

/** Indexes of weights, what describes quantized weights or adapters, and what training and Winnow write beside a model. */
const OF_THESE_WEIGHTS: readonly RegExp[] = [
  /\.index\.json$/,
  /^(quantize_config|quant_config|hf_quant_config|quantization_config|adapter_config)\.json$/,
  /^(trainer_state|\w*results|meta|pretrain|log_history)\.json$/,
  /^(log\.txt|events\.out\.tfevents\..*)$/,
];

/** Where transformers puts chat templates beyond the first. */
const TEMPLATES = 'additional_chat_templates';

/** Of all files together. The largest vocabularies and tokenizers take half of it. */
const MAX_BYTES = 64 * 2 ** 20;

export interface ExtraFiles {
  /** Contents by the name in the folder. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** What a person may miss: folders, and files that are too large. */
  readonly left: readonly string[];
}

/** Whether an extra file may have that name: a plain one, or one in the folder of chat templates. */
export function isExtraFileName(name: string): boolean {
  const inner = name.startsWith(`${TEMPLATES}/`) ? name.slice(TEMPLATES.length + 1) : name;
  return isBareFileName(inner);
}

/** Reads what travels with the model of a folder. @throws UserError `file.*` */
export async function readExtraFiles(folder: string): Promise<ExtraFiles> {
  const files: Record<string, Uint8Array> = {};
  const left: string[] = [];
  let bytes = 0;
  const read = async (name: string): Promise<void> => {
    const file = path.join(folder, name);
    // Follows links: a cache of downloads is a folder of them.
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
