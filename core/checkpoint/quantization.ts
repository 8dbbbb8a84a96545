import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import type { JsonObject } from './model-folder';
import type { TensorInfo, TensorReader } from './safetensors';
import { quoted } from './safetensors-header';

/** What is looked at: a model folder, or a single file. */
export interface Weights extends Pick<TensorReader, 'tensors'> {
  readonly config?: JsonObject;
}

/** Dtypes whose numbers are the weights themselves. */
const PLAIN: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16']);

export const isPlainFloat = ({ dtype }: Pick<TensorInfo, 'dtype'>): boolean => PLAIN.has(dtype);

/** Keys of a `config.json` that say that weights are quantized; `quantization` is MLX's. */
export const QUANTIZATION_KEYS = ['quantization_config', 'compression_config', 'quantization'] as const;

/** Ends of the names of tensors that only quantized weights have beside them, and who writes them. */
const COMPANIONS: readonly (readonly [RegExp, () => string])[] = [
  [/\.(qweight|qzeros|g_idx)$/, () => l10n.t('GPTQ or AWQ')],
  [/\.(SCB|weight_format|absmax|quant_map|nested_absmax|nested_quant_map)$|\.quant_state\./, () => 'bitsandbytes'],
  [/_(blocks|scales)$/, () => 'MXFP4'],
  [/\.(weight_packed|weight_shape|weight_g_idx|\w*zero_point|\w*global_scale)$/, () => 'compressed-tensors'],
  [
    /\.((weight|input|output|activation|[qkv])_scale(_inv|_2|s)?|weight_scales)$/,
    () => l10n.t('FP8 or INT8 with scales'),
  ],
  [/\.(W_q|q_weight|q_scale|Qidxs)$/, () => l10n.t('HQQ, EXL2 or QuIP#')],
  [/\.weight(\._data|\._scale|:\w+|_qdata|_quantizer\.\w+)$/, () => l10n.t('quanto, torchao or Quark')],
  [/\.scales$/, () => l10n.t('packed integers with scales')],
];

/** A weight by its name: what is not, may well be an integer (positions, masks). */
const isWeight = (name: string) => /(^|[._])(weight|kernel|proj)$/.test(name);

/** Floats of eight bits and fewer are quantized wherever they are; integers where a weight is expected. */
const isCode = ({ name, dtype }: TensorInfo) => !PLAIN.has(dtype) && (dtype.startsWith('F') || isWeight(name));

/**
 * How a model says that its weights need more than their bytes: scales, zero points, code books.
 * @returns words that name the key or the tensor; undefined for plain weights
 */
export function quantizationOf({ config, tensors }: Weights): string | undefined {
  return declared(config) ?? stored(tensors);
}

/**
 * @param name what its user calls it
 * @throws UserError `model.quantized` where the numbers of a model are not its weights
 */
export function requirePlainWeights(model: Weights, name: string): void {
  const evidence = quantizationOf(model);
  if (evidence === undefined) return;
  throw new UserError(
    'model.quantized',
    l10n.t`${name} is quantized: ${evidence}.`,
    stored(model.tensors) === undefined
      ? l10n.t(
          'Winnow needs unquantized weights. If these weights are already dequantized, delete that key from config.json; otherwise use the original model.',
        )
      : l10n.t(
          'Winnow needs unquantized weights. Use the original model, or dequantize this one first (in transformers: model.dequantize(), then save_pretrained).',
        ),
  );
}

/** What a `config.json`, or a part of it for one of several models, declares. */
function declared(config: JsonObject | undefined, within = ''): string | undefined {
  if (config === undefined) return undefined;
  for (const key of QUANTIZATION_KEYS) {
    const value = config[key];
    if (value === undefined || value === null) continue;
    const method = methodOf(value);
    return method === ''
      ? l10n.t`its config.json has ${within + key}`
      : l10n.t`its config.json has ${within + key} with ${method}`;
  }
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith('_config') || !isObject(value)) continue;
    const inner = declared(value, `${within}${key}.`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function methodOf(value: unknown): string {
  if (!isObject(value)) return '';
  const { quant_method: method, load_in_8bit: eight, load_in_4bit: four, bits } = value;
  const words = [
    ...(typeof method === 'string' ? [`quant_method ${JSON.stringify(method)}`] : []),
    ...(eight === true
      ? [l10n.t('8 bits')]
      : four === true
        ? [l10n.t('4 bits')]
        : typeof bits === 'number'
          ? [l10n.t`${bits} bits`]
          : []),
  ];
  return words.join(', ');
}

/** What the tensors show, whatever the `config.json` says. */
function stored(tensors: ReadonlyMap<string, TensorInfo>): string | undefined {
  for (const info of tensors.values()) {
    const companion = COMPANIONS.find(([pattern]) => pattern.test(info.name));
    if (companion) return l10n.t`it has the tensor ${quoted(info.name)} (${companion[1]()})`;
    if (isCode(info)) return l10n.t`its tensor ${quoted(info.name)} holds quantized ${info.dtype} values`;
  }
  return undefined;
}
