import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { ImageDataConfig } from '../../../../data/images/config';
import type { ImageSet } from '../../../../data/images/image-set';
import { openImages } from '../../../../data/images/source';
import { foldersOf, writeImages } from '../../../../data/images/write-images';
import { needsFolder, requireAllClasses, type CleanedData, type LeftOut } from './cleaned-data';

const PARTS = { train: 'train', heldOut: 'val' } as const;

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
      await writeImages(train, folders, path.join(folder, PARTS.train), { leftOut, signal });
      if (isCopied) await writeImages(heldOut, folders, path.join(folder, PARTS.heldOut), { signal });
    },
    async check(folder) {
      const written = await openImages({ ...config, ...settings, source: folder }, baseDir);
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
