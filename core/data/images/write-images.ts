import { constants } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startsWith, type FirstBytes } from '../../checkpoint/first-bytes';
import type { ImageSet } from './image-set';

/** Concurrent copies; enough to keep the encoding threads busy. */
const AT_A_TIME = 16;
/** Images between two checks of the signal. */
const STRIDE = 256;

/**
 * Writes images into a folder for each class. Image files are copied; other images become files with the same pixels.
 * @param classFolders the name of the folder of each class
 * @param options `leftOut`: images that are not written, by number
 * @throws the error of the file system; the signal's reason
 */
export async function writeImages(
  set: ImageSet,
  classFolders: readonly string[],
  folder: string,
  { leftOut, signal }: { readonly leftOut?: ReadonlySet<number>; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const digits = String(set.size).length;
  for (const name of classFolders) await mkdir(path.join(folder, name), { recursive: true });
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < set.size) {
      const sample = next++;
      if (leftOut?.has(sample)) continue;
      if (done++ % STRIDE === 0) signal?.throwIfAborted();
      if (!set.encoded) throw new Error(`${set.name(sample)} cannot be copied`);
      const image = await set.encoded(sample);
      // Numbered, because files of several folders may have the same name; in the order of the samples.
      const number = String(sample).padStart(digits, '0');
      const into = path.join(folder, classFolders[set.label(sample)]!);
      if (typeof image === 'string') {
        const target = path.join(into, `${number}-${path.basename(image)}`);
        await copyFile(image, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      } else await writeFile(path.join(into, `${number}${endingOf(image)}`), image, { flag: 'wx' });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** Names that file systems do not take, and names that the reader of folders skips. */
const UNUSABLE = /[\\/:*?"<>|\p{Cc}]|^\.|[. ]$|^$/u;

/** A folder for each class. Where names cannot be folders, or would be sorted in another order, their numbers precede them. */
export function foldersOf(classes: readonly string[]): string[] {
  const isUsable = classes.every((name) => !UNUSABLE.test(name));
  const lower = classes.map((name) => name.toLowerCase());
  if (isUsable && new Set(lower).size === lower.length && [...classes].sort().join('\n') === classes.join('\n'))
    return [...classes];
  const digits = String(classes.length).length;
  return classes.map((name, i) => {
    const usable = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-').replace(/[. ]+$/, '');
    return `${String(i).padStart(digits, '0')}-${usable}`;
  });
}

const FORMATS: readonly (readonly [first: FirstBytes, ending: string])[] = [
  [[0x89, 0x50, 0x4e, 0x47], '.png'],
  [[0xff, 0xd8, 0xff], '.jpg'],
  ['GIF8', '.gif'],
  ['RIFF', '.webp'],
  [[0x49, 0x49, 0x2a, 0x00], '.tif'],
  [[0x4d, 0x4d, 0x00, 0x2a], '.tif'],
];

/** The ending decides that a file is read; what it is, its bytes say. */
const endingOf = (bytes: Uint8Array) => FORMATS.find(([first]) => startsWith(bytes, first))?.[1] ?? '.avif';
