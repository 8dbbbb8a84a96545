import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from './fast-check';

/** One bit of one of the files in a folder: the file by its name or a number, the bit by how far into the file it lies, from 0 to 1. */
export interface Flip {
  readonly file: number | string;
  readonly place: number;
  readonly bit: number;
}

export const anyFlip: fc.Arbitrary<Flip> = fc.record({
  file: fc.nat(1_000),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bit: fc.nat(7),
});

/** Flips a bit as a bad disk does. @returns the name of the file that has it */
export async function flip(folder: string, { file, place, bit }: Flip): Promise<string> {
  const names = (await readdir(folder)).sort();
  const name = typeof file === 'string' ? file : names[file % names.length]!;
  const bytes = await readFile(path.join(folder, name));
  bytes[Math.floor(place * bytes.length)]! ^= 1 << bit;
  await writeFile(path.join(folder, name), bytes);
  return name;
}
