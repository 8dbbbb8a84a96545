import { readdir } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';

interface Format {
  readonly files: RegExp;
  readonly what: string;
  /** What makes safetensors of it. */
  readonly convert: string;
}

const WITH_TRANSFORMERS = 'Load it with transformers and call save_pretrained, which writes model.safetensors.';

/** Weights that a model folder may hold in the place of safetensors; the first that matches names the folder. */
const FORMATS: readonly Format[] = [
  {
    files: /^adapter_(model\.(safetensors|bin)|config\.json)$/,
    what: 'an adapter (LoRA), not a whole model',
    convert: 'Merge it into its base model first (in peft: merge_and_unload(), then save_pretrained).',
  },
  {
    files: /^openvino_.*\.(bin|xml)$/,
    what: 'an OpenVINO model',
    convert: 'Use the original model: OpenVINO files cannot be converted back.',
  },
  {
    files: /^((pytorch_model|consolidated).*\.(bin|pth?)(\.index\.json)?|.*\.(bin|pth?|ckpt))$/,
    what: 'PyTorch weights',
    convert: WITH_TRANSFORMERS,
  },
  {
    files: /\.(gguf|ggml)$/i,
    what: 'GGUF weights',
    convert:
      'Use the original model, or load the file with transformers (from_pretrained with gguf_file) and call save_pretrained.',
  },
  {
    files: /\.onnx$|^onnx$/,
    what: 'an ONNX model',
    convert: 'Use the model that it was exported from: ONNX files cannot be converted back.',
  },
  {
    files: /\.msgpack(\.index\.json)?$/,
    what: 'Flax weights',
    convert: 'Load it with transformers 4 (from_pretrained with from_flax=True) and call save_pretrained.',
  },
  {
    files: /\.(h5|keras)(\.index\.json)?$|\.ckpt\.(index|meta|data-.*)$/,
    what: 'TensorFlow weights',
    convert: 'Load it with transformers 4 (from_pretrained with from_tf=True) and call save_pretrained.',
  },
  {
    files: /^model_index\.json$/,
    what: 'a diffusers pipeline of several models',
    convert: 'Give the path of the folder of one of its models.',
  },
  {
    files: /\.safetensors$/,
    what: 'safetensors files under another name',
    convert: 'If it holds the whole model, rename it to model.safetensors.',
  },
];

/** The error for a folder whose weights are not safetensors, naming what they are; undefined where it has none. */
export async function otherFormat(dir: string): Promise<UserError | undefined> {
  const names = (await readdir(dir).catch((): string[] => [])).sort();
  for (const { files, what, convert } of FORMATS) {
    const found = names.find((name) => files.test(name));
    if (found === undefined) continue;
    return new UserError('model.no-weights', l10n.t`${dir} holds ${what} (${found}), which Winnow cannot read.`, convert);
  }
  return undefined;
}
