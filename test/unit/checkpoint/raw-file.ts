import { memorySource, type ByteSource } from '../../../core/checkpoint/byte-source';

/** A safetensors file with any header, right or wrong. */
export function rawFile(header: string | Uint8Array | object, dataBytes = 0, claimedLength?: bigint): Uint8Array {
  const text = header instanceof Uint8Array || typeof header === 'string' ? header : JSON.stringify(header);
  const json = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(json.length), true);
  bytes.set(json, 8);
  for (let i = 0; i < dataBytes; i++) bytes[8 + json.length + i] = i & 0xff;
  return bytes;
}

export interface CountingSource extends ByteSource {
  readonly asked: number;
}

/** Counts the bytes that a reader asks for: what it allocates by, in a file that may lie about its sizes. */
export function countingSource(bytes: Uint8Array, size = bytes.byteLength): CountingSource {
  const inner = memorySource(bytes);
  let asked = 0;
  return {
    name: 'memory',
    size,
    get asked() {
      return asked;
    },
    read: (offset, length) => {
      asked += length;
      return inner.read(offset, length);
    },
    close: () => inner.close(),
  };
}
