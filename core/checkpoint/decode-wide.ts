import { decodeToFloat32, DTYPE_BYTES, type Dtype } from './dtype';

const wide = (signed: boolean) => (bytes: Uint8Array) => {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const values = new Float64Array(words.length / 2);
  for (let i = 0; i < values.length; i++) {
    const high = words[2 * i + 1]!;
    // Rounded once, to nearest: the upper half times 2^32 is exact.
    values[i] = (signed ? high | 0 : high) * 2 ** 32 + words[2 * i]!;
  }
  return values;
};

const DECODERS: Partial<Record<Dtype, (bytes: Uint8Array) => Float64Array>> = {
  F64: (b) => new Float64Array(b.buffer, b.byteOffset, b.byteLength / 8),
  I64: wide(true),
  U64: wide(false),
  I32: (b) => new Float64Array(new Int32Array(b.buffer, b.byteOffset, b.byteLength / 4)),
  U32: (b) => new Float64Array(new Uint32Array(b.buffer, b.byteOffset, b.byteLength / 4)),
};

/**
 * Elements of any dtype as doubles: exact except for 64-bit integers beyond 2^53, which are rounded to nearest.
 *
 * @param bytes little-endian elements, a whole number of them, at any alignment
 * @returns for aligned F64 a view of `bytes`, not a copy
 */
export function decodeToFloat64(dtype: Dtype, bytes: Uint8Array): Float64Array {
  const decode = DECODERS[dtype];
  if (decode === undefined) return new Float64Array(decodeToFloat32(dtype, bytes));
  return decode(bytes.byteOffset % DTYPE_BYTES[dtype] === 0 ? bytes : new Uint8Array(bytes));
}
