import { open } from 'node:fs/promises';

/** Reads bytes of an image file, from an offset on; fewer at its end. */
export type Head = (offset: number, length: number) => Promise<Uint8Array>;

/** Reads from a file, or from its bytes in memory. */
export const headOf = (input: string | Uint8Array): Head =>
  typeof input === 'string'
    ? async (offset, length) => {
        const handle = await open(input, 'r');
        try {
          const { bytesRead, buffer } = await handle.read(new Uint8Array(length), 0, length, offset);
          return buffer.subarray(0, bytesRead);
        } finally {
          await handle.close();
        }
      }
    : (offset, length) => Promise.resolve(input.subarray(offset, offset + length));
