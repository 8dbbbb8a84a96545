import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { decodeToFloat32, encodeFromFloat32, type Dtype, type FloatDtype } from '../../../core/checkpoint/dtype';

const bitsOf = (values: Float32Array) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
const fromBits = (...bits: number[]) => new Float32Array(Uint32Array.from(bits).buffer);
const codesOf = (bytes: Uint8Array) => [...new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)];
const encode = (dtype: FloatDtype, ...values: number[]) => codesOf(encodeFromFloat32(dtype, Float32Array.from(values)));
const decode = (dtype: Dtype, array: ArrayBufferView) => [
  ...decodeToFloat32(dtype, new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
];
const allCodes = Uint16Array.from({ length: 65536 }, (_, code) => code);

describe('F16', () => {
  const known: [value: number, code: number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -14 - 2 ** -24, 0x03ff],
    [-(2 ** -24), 0x8001],
    [Infinity, 0x7c00],
    [-Infinity, 0xfc00],
  ];
  it('has the bit patterns of IEEE 754 in both directions', () => {
    const values = known.map(([value]) => value);
    const codes = known.map(([, code]) => code);
    assert.deepEqual(encode('F16', ...values), codes);
    assert.deepEqual(decode('F16', Uint16Array.from(codes)), values);
  });

  it('rounds ties to even, carries into the exponent, overflows to infinity and underflows to zero', () => {
    assert.deepEqual(encode('F16', 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 - 2 ** -12), [0x3c00, 0x3c02, 0x4000]);
    assert.deepEqual(encode('F16', 65519.996, 65520, 65536, 1e30, -65520), [0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00]);
    const tie = 2 ** -25; // half of the least subnormal
    assert.deepEqual(encode('F16', tie, tie * (1 + 2 ** -23), 3 * tie, 5 * tie, tie / 2), [0, 1, 2, 2, 0]);
    assert.deepEqual(encode('F16', 2 ** -14 - 2 ** -26, 1e-45, -1e-45), [0x0400, 0, 0x8000]);
  });

  it('gives every code back after a round trip; a signaling NaN becomes quiet', () => {
    const back = codesOf(encodeFromFloat32('F16', decodeToFloat32('F16', new Uint8Array(allCodes.buffer))));
    const quiet = (code: number) => ((code & 0x7fff) > 0x7c00 ? code | 0x0200 : code);
    assert.deepEqual(back, [...allCodes].map(quiet));
  });
});

describe('BF16', () => {
  it('is the upper half of a float32, rounded to nearest even', () => {
    assert.deepEqual(encode('BF16', 1, -2, 0, -0, Infinity, -Infinity), [0x3f80, 0xc000, 0, 0x8000, 0x7f80, 0xff80]);
    assert.deepEqual(encode('BF16', 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20), [0x3f80, 0x3f82, 0x3f81]);
    assert.deepEqual(encode('BF16', 3.4028234e38, -3.4028234e38, 1e-45), [0x7f80, 0xff80, 0]);
    assert.deepEqual(codesOf(encodeFromFloat32('BF16', fromBits(0x00010000, 0x00018000))), [1, 2]); // subnormal, tie
    assert.deepEqual(decode('BF16', Uint16Array.of(0x3f80, 0x7f7f)), [1, 3.3895313892515355e38]);
  });

  it('gives every code back after a round trip; a signaling NaN becomes quiet', () => {
    const back = codesOf(encodeFromFloat32('BF16', decodeToFloat32('BF16', new Uint8Array(allCodes.buffer))));
    const quiet = (code: number) => ((code & 0x7fff) > 0x7f80 ? code | 0x0040 : code);
    assert.deepEqual(back, [...allCodes].map(quiet));
  });
});

describe('rounding', () => {
  for (const dtype of ['F16', 'BF16'] as const) {
    it(`gives the nearest ${dtype} for any float32, the even one of two`, () => {
      const values = decodeToFloat32(dtype, new Uint8Array(allCodes.buffer));
      const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80;
      // Rounding treats infinity as the next value of the last binade, as if the exponent had no end.
      const last = values[infinity - 1]!;
      const ladder = (code: number) => (code === infinity ? 2 * last - values[infinity - 2]! : values[code]!);
      const bit32 = fc.integer({ min: 0, max: 0x7f7fffff });
      const near16 = fc.integer({ min: 0, max: 0x4787ffff }); // where halves are dense
      fc.assert(
        fc.property(fc.oneof(bit32, near16), (bits) => {
          const x = fromBits(bits)[0]!;
          const code = encode(dtype, x)[0]!;
          const error = Math.abs(ladder(code) - x);
          const neighbors = [code - 1, code + 1].filter((c) => c >= 0 && c <= infinity);
          for (const neighbor of neighbors) {
            const other = Math.abs(ladder(neighbor) - x);
            const overflowed = code === infinity && x >= ladder(infinity);
            assert.ok(overflowed || error < other || (error === other && code % 2 === 0), `${x} became ${code}`);
          }
          assert.equal(encode(dtype, -x)[0], code | 0x8000);
        }),
        { numRuns: 3000, seed: 1 },
      );
    });

    it(`keeps every NaN a NaN in ${dtype}`, () => {
      const nans = fromBits(0x7f800001, 0x7fc00000, 0xff800001, 0xffffffff, 0x7fffffff);
      const back = decodeToFloat32(dtype, encodeFromFloat32(dtype, nans));
      assert.deepEqual([...back], [NaN, NaN, NaN, NaN, NaN]);
      assert.deepEqual(
        bitsOf(back).map((bits) => bits >>> 31),
        [0, 0, 1, 1, 0],
      );
    });
  }
});

describe('decoding', () => {
  it('reads both FP8 formats', () => {
    const e4m3 = Uint8Array.of(0x00, 0x80, 0x01, 0x07, 0x08, 0x38, 0x7e, 0xfe, 0x7f, 0xff);
    assert.deepEqual(decode('F8_E4M3', e4m3), [0, -0, 2 ** -9, 7 * 2 ** -9, 2 ** -6, 1, 448, -448, NaN, NaN]);
    const e5m2 = Uint8Array.of(0x00, 0x01, 0x04, 0x3c, 0x7b, 0x7c, 0xfc, 0x7d);
    assert.deepEqual(decode('F8_E5M2', e5m2), [0, 2 ** -16, 2 ** -14, 1, 57344, Infinity, -Infinity, NaN]);
  });

  it('reads integers, booleans and doubles', () => {
    assert.deepEqual(decode('I8', Int8Array.of(-128, 127)), [-128, 127]);
    assert.deepEqual(decode('U8', Uint8Array.of(0, 255)), [0, 255]);
    assert.deepEqual(decode('I16', Int16Array.of(-32768, 5)), [-32768, 5]);
    assert.deepEqual(decode('U16', Uint16Array.of(65535)), [65535]);
    assert.deepEqual(decode('I32', Int32Array.of(-(2 ** 31), 2 ** 24 + 1)), [-(2 ** 31), 2 ** 24]);
    assert.deepEqual(decode('U32', Uint32Array.of(2 ** 32 - 1)), [2 ** 32]);
    assert.deepEqual(decode('I64', BigInt64Array.of(-1n, 1n, -(2n ** 63n), 2n ** 40n)), [-1, 1, -(2 ** 63), 2 ** 40]);
    assert.deepEqual(decode('U64', BigUint64Array.of(2n ** 64n - 1n, 3n)), [2 ** 64, 3]);
    assert.deepEqual(decode('BOOL', Uint8Array.of(0, 1, 2)), [0, 1, 1]);
    assert.deepEqual(decode('F64', Float64Array.of(0.1, -1e300, NaN)), [Math.fround(0.1), -Infinity, NaN]);
  });

  it('keeps the bits of F32, NaN payloads included, from bytes at any alignment', () => {
    const values = fromBits(0x7fc12345, 0x00000001, 0x3f800000);
    const shifted = new Uint8Array(13);
    shifted.set(encodeFromFloat32('F32', values), 1);
    assert.deepEqual(bitsOf(decodeToFloat32('F32', shifted.subarray(1))), bitsOf(values));
  });

  it('refuses bytes that are no whole number of elements or do not fit the target', () => {
    assert.throws(() => decodeToFloat32('F32', new Uint8Array(5)), RangeError);
    assert.throws(() => decodeToFloat32('F16', new Uint8Array(4), new Float32Array(3)), RangeError);
  });
});
