import type { Provider } from './runtime';

// NVIDIA's libraries read the variable themselves, so it holds for ONNX Runtime and for TensorFlow, neither of which can be told from
// Node: onnxruntime-node passes no such option on, and tfjs-node has no such function. 0 forbids TF32, whatever a program asks for;
// without it, both use TF32 for float32 matrix products.
const VARIABLE = 'NVIDIA_TF32_OVERRIDE';

/** Whether a provider computes with NVIDIA's libraries, which may round the factors of float32 products to TF32's 10 bits. */
export const hasTf32 = (provider: Provider): boolean => provider === 'cuda' || provider === 'tensorflow';

/** Whether NVIDIA's libraries may use TF32, by the environment of this process. */
export const tf32InEnvironment = (): boolean => process.env[VARIABLE] !== '0';

let areLoaded = false;

/** NVIDIA's libraries read their environment when they are loaded; what is set later may have no effect. */
export function nvidiaLibrariesAreLoaded(): void {
  areLoaded = true;
}

/**
 * Allows or forbids TF32, in this process and those that it starts.
 * @throws Error if the libraries were loaded with another setting
 */
export function setTf32(allowed: boolean): void {
  if (tf32InEnvironment() === allowed) return;
  if (areLoaded)
    throw new Error(`NVIDIA's libraries were loaded ${allowed ? 'without' : 'with'} TF32 in this process.`);
  if (allowed) Reflect.deleteProperty(process.env, VARIABLE);
  else process.env[VARIABLE] = '0';
}
