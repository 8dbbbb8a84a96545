import { memorySource } from '../../../core/checkpoint/byte-source';
import type { Dtype } from '../../../core/checkpoint/dtype';
import { openSafetensors, type TensorReader } from '../../../core/checkpoint/safetensors';

export interface RawTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A float32 tensor. */
export const single = (shape: readonly number[], values: ArrayLike<number>): RawTensor => ({
  dtype: 'F32',
  shape,
  bytes: bytesOf(Float32Array.from(values)),
});

/** The tensors as a safetensors file in memory. */
export async function readerOf(tensors: Readonly<Record<string, RawTensor>>): Promise<TensorReader> {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      const begin = end;
      end += bytes.length;
      return [name, { dtype, shape, data_offsets: [begin, end] }];
    }),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  let at = 8 + json.length;
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return openSafetensors(memorySource(file));
}
