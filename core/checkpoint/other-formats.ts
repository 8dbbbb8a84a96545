import { readdir } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';

interface Format {
  readonly files: RegExp;
  readonly what: () => string;
  /** What makes safetensors of it. */
  readonly convert: () => string;
}

const withTransformers = () =>
  l10n.t('Load it with transformers and call save_pretrained, which writes model.safetensors.');

/** Weights that a model folder may hold in the place of safetensors; the first that matches names the folder. */
const FORMATS: readonly Format[] = [
  {
    files: /^adapter_(model\.(safetensors|bin)|config\.json)$/,
    what: () => l10n.t('an adapter (LoRA), not a whole model'),
    convert: () => l10n.t('Merge it into its base model first (in peft: merge_and_unload(), then save_pretrained).'),
  },
  {
    files: /^openvino_.*\.(bin|xml)$/,
    what: () => l10n.t('an OpenVINO model'),
    convert: () => l10n.t('Use the original model: OpenVINO files cannot be converted back.'),
  },
  {
    files: /^((pytorch_model|consolidated).*\.(bin|pth?)(\.index\.json)?|.*\.(bin|pth?|ckpt))$/,
    what: () => l10n.t('PyTorch weights'),
    convert: withTransformers,
  },
  {
    files: /\.(gguf|ggml)$/i,
    what: () => l10n.t('GGUF weights'),
    convert: () =>
      l10n.t(
        'Use the original model, or load the file with transformers (from_pretrained with gguf_file) and call save_pretrained.',
      ),
  },
  {
    files: /\.onnx$|^onnx$/,
    what: () => l10n.t('an ONNX model'),
    convert: () => l10n.t('Use the model that it was exported from: ONNX files cannot be converted back.'),
  },
  {
    files: /\.msgpack(\.index\.json)?$/,
    what: () => l10n.t('Flax weights'),
    convert: () =>
      l10n.t('Load it with transformers 4 (from_pretrained with from_flax=True) and call save_pretrained.'),
  },
  {
    files: /\.(h5|keras)(\.index\.json)?$|\.ckpt\.(index|meta|data-.*)$/,
    what: () => l10n.t('TensorFlow weights'),
    convert: () => l10n.t('Load it with transformers 4 (from_pretrained with from_tf=True) and call save_pretrained.'),
  },
  {
    files: /^model_index\.json$/,
    what: () => l10n.t('a diffusers pipeline of several models'),
    convert: () => l10n.t('Give the path of the folder of one of its models.'),
  },
  {
    files: /\.safetensors$/,
    what: () => l10n.t('safetensors files under another name'),
    convert: () => l10n.t('If it holds the whole model, rename it to model.safetensors.'),
  },
];

/** The error for a folder whose weights are not safetensors, naming what they are; undefined where it has none. */
export async function otherFormat(dir: string): Promise<UserError | undefined> {
  const names = (await readdir(dir).catch((): string[] => [])).sort();
  for (const { files, what, convert } of FORMATS) {
    const found = names.find((name) => files.test(name));
    if (found === undefined) continue;
    return new UserError(
      'model.no-weights',
      l10n.t`${dir} holds ${what()} (${found}), which Winnow cannot read.`,
      convert(),
    );
  }
  return undefined;
}
