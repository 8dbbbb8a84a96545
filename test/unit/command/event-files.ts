import { buf as crc32c } from 'crc-32/crc32c';

/** Writes event files as TensorFlow does, byte by byte: what is left out of a message is left out of the file. */
type Field = Buffer;

function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  do {
    const more = rest > 127n;
    bytes.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const key = (id: number, wire: number) => varint(BigInt(id * 8 + wire));
export const int = (id: number, value: number | bigint): Field => Buffer.concat([key(id, 0), varint(BigInt(value))]);
export const bytes = (id: number, content: Buffer | string): Field => {
  const data = Buffer.from(content);
  return Buffer.concat([key(id, 2), varint(BigInt(data.length)), data]);
};
export const message = (id: number, ...fields: Field[]): Field => bytes(id, Buffer.concat(fields));
const float32 = (value: number) => {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return data;
};
const float64 = (value: number) => {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return data;
};
export const float = (id: number, value: number): Field => Buffer.concat([key(id, 5), float32(value)]);
export const packedFloats = (id: number, ...values: number[]): Field => bytes(id, Buffer.concat(values.map(float32)));
export const packedDoubles = (id: number, ...values: number[]): Field => bytes(id, Buffer.concat(values.map(float64)));
export const packedInts = (id: number, ...values: (number | bigint)[]): Field =>
  bytes(id, Buffer.concat(values.map((value) => varint(BigInt(value)))));

function masked(data: Buffer): Buffer {
  const crc = crc32c(data) >>> 0;
  const out = Buffer.alloc(4);
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return out;
}

export function record(...fields: Field[]): Buffer {
  const content = Buffer.concat(fields);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(content.length));
  return Buffer.concat([length, masked(length), content, masked(content)]);
}

export const version = (): Buffer => record(bytes(3, 'brain.Event:2'));
export const step = (value: number | bigint): Field => int(2, value);
/** An event with values; without a step it is at 0. */
export const summary = (at: number | bigint | undefined, ...values: Field[]): Buffer =>
  record(...(at === undefined ? [] : [step(at)]), message(5, ...values.map((value) => bytes(1, value))));
export const simple = (tag: string, value: number): Buffer => Buffer.concat([bytes(1, tag), float(2, value)]);
export const plugin = (name: string): Field => message(9, message(1, bytes(1, name)));
export const tensor = (tag: string, dtype: number, fields: Field[], metadata: Field[] = [plugin('scalars')]): Buffer =>
  Buffer.concat([bytes(1, tag), message(8, int(1, dtype), ...fields), ...metadata]);
export const shape = (...sizes: number[]): Field =>
  message(2, ...sizes.map((size) => message(2, ...(size === 0 ? [] : [int(1, size)]))));
export const restart = (at: number): Buffer => record(step(at), message(7, int(1, 1)));
