import { constants } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { startsWith, type FirstBytes } from '../../../../checkpoint/first-bytes';
import type { ImageDataConfig } from '../../../../data/images/config';
import type { ImageSet } from '../../../../data/images/image-set';
import { openImages } from '../../../../data/images/source';
import { needsFolder, numbersOf, requireAllClasses, type CleanedData, type LeftOut } from './cleaned-data';

const PARTS = { train: 'train', heldOut: 'val' } as const;
/** Concurrent copies; enough to keep the encoding threads busy. */
const AT_A_TIME = 16;
/** Images between two checks of the signal. */
const STRIDE = 256;

/**
 * The training images of a run without some of them: a folder for each class. Image files are copied; images that are not
 * files, as in Parquet and IDX, become files with the same pixels.
 * @param data what the run was trained on
 */
export function cleanedImages(
  config: ImageDataConfig,
  baseDir: string,
  data: { readonly train: ImageSet; readonly heldOut: ImageSet },
  leftOut: LeftOut,
): CleanedData {
  const { train, heldOut } = data;
  const folders = foldersOf(train.classes);
  const keepsNames = folders.join('\n') === train.classes.join('\n');
  // A named evaluation part can stay where it is if its classes have the same names.
  const isCopied = config.heldOut === undefined || !keepsNames;
  const settings = {
    channels: train.channels,
    labelNoise: undefined,
    ...(isCopied ? { heldOut: undefined } : {}),
  };
  return {
    key: 'images.data',
    notes: keepsNames
      ? []
      : [l10n.t('The folders of the classes have numbers before their names, which keep them in order.')],
    settings,
    async writeFolder(folder, signal) {
      requireAllClasses(train, leftOut);
      await writeImages(path.join(folder, PARTS.train), train, folders, leftOut, signal);
      if (isCopied) await writeImages(path.join(folder, PARTS.heldOut), heldOut, folders, new Set(), signal);
    },
    async check(folder) {
      const written = await openImages({ ...config, ...settings, source: folder } as ImageDataConfig, baseDir);
      const expected = [train.size - leftOut.size, heldOut.size];
      // The size of a separate evaluation part counts images that cannot be decoded, too.
      const found = [written.trainSize, isCopied ? written.heldOutSize : heldOut.size];
      if (found.join() !== expected.join())
        throw new Error(`the copy has ${found.join(' and ')} images instead of ${expected.join(' and ')}`);
    },
    file() {
      throw needsFolder();
    },
  };
}

async function writeImages(
  folder: string,
  set: ImageSet,
  classFolders: readonly string[],
  dropped: LeftOut,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digits = String(set.size).length;
  for (const name of classFolders) await mkdir(path.join(folder, name), { recursive: true });
  const samples = numbersOf(set.size, dropped);
  let done = 0;
  const worker = async () => {
    for (const sample of samples) {
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
  // The workers take turns at one iterator.
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
