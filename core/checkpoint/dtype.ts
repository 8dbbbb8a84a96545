import { endianness } from 'node:os';
import type { Dtype, StoredDtype } from '../protocol/model-summary';

export type { Dtype, StoredDtype } from '../protocol/model-summary';

/** Bytes per element of each dtype whose values can be read, by its name in the safetensors format. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const satisfies Record<Dtype, number>;

/** The dtypes that weights can be stored in after training. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** Whether values of this dtype can be read. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}

/** Bits per element of the format's other dtypes, whose values cannot be read. */
const OTHER_BITS: Readonly<Record<string, number>> = {
  C64: 64,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
};

/** Bits per element; undefined for a dtype that the format does not have. */
export function dtypeBits(dtype: StoredDtype): number | undefined {
  if (isDtype(dtype)) return 8 * DTYPE_BYTES[dtype];
  return Object.hasOwn(OTHER_BITS, dtype) ? OTHER_BITS[dtype] : undefined;
}

/** Number of elements of a shape, or undefined if a double cannot represent it exactly. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const dim of shape) {
    count *= dim;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

// safetensors is little-endian; typed arrays use the host's order. The only big-endian hosts of Node that are still
// built are s390x and AIX, so there is a check instead of a second, untestable code path.
if (endianness() !== 'LE') throw new Error('Winnow reads checkpoints on little-endian machines only.');

type Decoder = (bytes: Uint8Array, out: Float32Array) => void;

const bits = (floats: Float32Array) => new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
const u16 = (bytes: Uint8Array) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
const u32 = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

/**
 * A small float as the bits of a float32: exponent and mantissa of the given widths, IEEE 754's bias, no special
 * exponents.
 */
function finiteBits(code: number, exponentBits: number, mantissaBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const mantissa = code & (2 ** mantissaBits - 1);
  const exponent = (code >>> mantissaBits) & (2 ** exponentBits - 1);
  const sign = code >>> (mantissaBits + exponentBits) ? -1 : 1;
  const fraction = mantissa / 2 ** mantissaBits;
  const value = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return bits(Float32Array.of(sign * value))[0]!;
}

/** Half precision: 5 exponent bits, 10 mantissa bits; the payload of a NaN is kept. */
function halfBits(code: number): number {
  if ((code & 0x7c00) !== 0x7c00) return finiteBits(code, 5, 10);
  return (((code & 0x8000) << 16) | 0x7f800000 | ((code & 0x3ff) << 13)) >>> 0;
}

/** FP8 E4M3 in its "FN" form, as in PyTorch and safetensors: no infinity; NaN only where all bits are set. */
function e4m3Bits(code: number): number {
  if ((code & 0x7f) !== 0x7f) return finiteBits(code, 4, 3);
  return (((code & 0x80) << 24) | 0x7fc00000) >>> 0;
}

/**
 * A decoder by table lookup: as fast as bit operations on halves (the table stays in the cache), and simple for the
 * unusual 8-bit formats.
 */
function byTable(size: 256 | 65536, bitsOf: (code: number) => number): Decoder {
  let table: Uint32Array | undefined;
  return (bytes, out) => {
    table ??= Uint32Array.from({ length: size }, (_, code) => bitsOf(code));
    const codes = size === 256 ? bytes : u16(bytes);
    const target = bits(out);
    for (let i = 0; i < codes.length; i++) target[i] = table[codes[i]!]!;
  };
}

/** 64-bit integers from two halves: several times faster than BigInt, with the same rounding to a double. */
const wideInteger =
  (signed: boolean): Decoder =>
  (bytes, out) => {
    const words = u32(bytes);
    for (let i = 0; i < out.length; i++) {
      const high = words[2 * i + 1]!;
      out[i] = (signed ? high | 0 : high) * 2 ** 32 + words[2 * i]!;
    }
  };

const copied =
  (view: (bytes: Uint8Array) => ArrayLike<number>): Decoder =>
  (bytes, out) => {
    out.set(view(bytes));
  };

const DECODERS: Record<Dtype, Decoder> = {
  F64: copied((b) => new Float64Array(b.buffer, b.byteOffset, b.byteLength / 8)),
  F32: (b, out) => {
    bits(out).set(u32(b));
  },
  F16: byTable(65536, halfBits),
  BF16: (b, out) => {
    const codes = u16(b);
    const target = bits(out);
    for (let i = 0; i < codes.length; i++) target[i] = codes[i]! << 16;
  },
  F8_E4M3: byTable(256, e4m3Bits),
  // E5M2 is the upper byte of a half.
  F8_E5M2: byTable(256, (code) => halfBits(code << 8)),
  I64: wideInteger(true),
  I32: copied((b) => new Int32Array(b.buffer, b.byteOffset, b.byteLength / 4)),
  I16: copied((b) => new Int16Array(b.buffer, b.byteOffset, b.byteLength / 2)),
  I8: copied((b) => new Int8Array(b.buffer, b.byteOffset, b.byteLength)),
  U64: wideInteger(false),
  U32: copied(u32),
  U16: copied(u16),
  U8: copied((b) => b),
  BOOL: (b, out) => {
    for (let i = 0; i < b.length; i++) out[i] = b[i] === 0 ? 0 : 1;
  },
};

/**
 * Elements of any dtype as float32: exact for dtypes of 16 bits or less, rounded to nearest for wider integers and F64.
 *
 * @param bytes little-endian elements, a whole number of them, at any alignment
 * @param out receives them (as many elements as `bytes` has); default: a new array
 */
export function decodeToFloat32(
  dtype: Dtype,
  bytes: Uint8Array,
  out: Float32Array = new Float32Array(bytes.byteLength / DTYPE_BYTES[dtype]),
): Float32Array {
  const size = DTYPE_BYTES[dtype];
  if (bytes.byteLength !== out.length * size) {
    throw new RangeError(`${bytes.byteLength} bytes of ${dtype} do not fill ${out.length} elements`);
  }
  DECODERS[dtype](bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes), out);
  return out;
}

/**
 * Little-endian bytes of float32 values: rounded to nearest, ties to even; overflow becomes infinity, NaN stays NaN.
 *
 * @returns for F32 a view of `values`, not a copy
 */
export function encodeFromFloat32(dtype: FloatDtype, values: Float32Array): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  // Signed, so that the rounding below stays in 32-bit arithmetic, which is several times as fast as doubles.
  const source = new Int32Array(values.buffer, values.byteOffset, values.length);
  const codes = new Uint16Array(values.length);
  const round = dtype === 'F16' ? roundToHalf : roundToBfloat;
  for (let i = 0; i < source.length; i++) codes[i] = round(source[i]!);
  return new Uint8Array(codes.buffer);
}

function roundToBfloat(x: number): number {
  // The upper half of a NaN may equal that of infinity: the quiet bit is set so that it stays a NaN.
  if ((x & 0x7fffffff) > 0x7f800000) return (x >>> 16) | 0x40;
  return (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
}

function roundToHalf(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 2^16 and above
  if (magnitude >= 0x38800000) {
    // 2^-14 and above: the exponent bias changes from 127 to 15; a carry out of the mantissa goes into the exponent, up
    // to infinity.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Subnormal: a multiple of 2^-24. Half of that (2^-25, exponent field 102) is the smallest value that can round up.
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const half = mantissa >>> shift;
  const rest = mantissa - (half << shift);
  const tie = 1 << (shift - 1);
  return sign | (rest > tie || (rest === tie && half & 1) ? half + 1 : half);
}
