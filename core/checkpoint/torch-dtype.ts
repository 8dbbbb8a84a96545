import type { FloatDtype } from './dtype';

const TORCH_NAMES: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** The same `config.json` for weights of a number format. */
export function withTorchDtype(json: Readonly<Record<string, unknown>>, dtype: FloatDtype): Record<string, unknown> {
  const name = TORCH_NAMES[dtype];
  // transformers 5 renamed the key; a config that has the new one must not contradict itself.
  return { ...json, torch_dtype: name, ...('dtype' in json ? { dtype: name } : {}) };
}
