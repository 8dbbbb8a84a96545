import type { FloatDtype } from './dtype';

const TORCH_NAMES: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** The same `config.json`, for weights of the given dtype. */
export function withTorchDtype(json: Readonly<Record<string, unknown>>, dtype: FloatDtype): Record<string, unknown> {
  const name = TORCH_NAMES[dtype];
  // transformers 5 renamed the key; if a config has the new one, both must agree.
  return { ...json, torch_dtype: name, ...('dtype' in json ? { dtype: name } : {}) };
}
