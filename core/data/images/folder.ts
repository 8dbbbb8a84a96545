import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { listFilesIn } from '../list-files';
import { decodeImage } from './decode';
import { IMAGE_ENDINGS } from './formats';
import type { ImageFiles } from './image-files';

/** Up to this total size, the fingerprint covers the bytes of all images; beyond it, only their names and lengths. */
const HASHED_BYTES = 2 ** 31;

/**
 * Images in one folder per class, as in ImageNet and torchvision's `ImageFolder`; folders inside belong to the class
 * above them. Classes are sorted by name.
 * @throws UserError `data.no-images`, `data.unreadable`
 */
export async function openFolder(folder: string, channels: 1 | 3): Promise<ImageFiles> {
  const found = await listFilesIn(folder, isImage, { recursive: true });
  const files = found
    .map((file) => path.relative(folder, file).split(path.sep).join('/'))
    .filter((name) => name.includes('/') && !name.split('/').some((part) => part.startsWith('.')))
    .sort();
  const classOf = (file: string) => file.slice(0, file.indexOf('/'));
  const classes = [...new Set(files.map(classOf))].sort();
  if (classes.length < 2)
    throw new UserError(
      'data.no-images',
      classes.length === 0
        ? l10n.t`${folder} has no folders of images.`
        : l10n.t`${folder} has images of one class only, ${classes[0]!}.`,
      l10n.t`Put the images (${IMAGE_ENDINGS.join(', ')}) of each class into a separate folder.`,
    );
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const labels = Int32Array.from(files, (file) => numbers.get(classOf(file))!);
  const at = (index: number) => path.join(folder, files[index]!);
  return {
    classes,
    size: files.length,
    async fingerprint(hash) {
      const lengths = await Promise.all(files.map(async (file) => (await stat(path.join(folder, file))).size));
      hash.update(JSON.stringify(files.map((file, i) => [file, lengths[i]])));
      if (lengths.reduce((sum, length) => sum + length, 0) > HASHED_BYTES) return;
      for (let i = 0; i < files.length; i++)
        for await (const chunk of createReadStream(at(i)) as AsyncIterable<Buffer>) hash.update(chunk);
    },
    open: async () => {
      const states = await Promise.all(files.map(async (_, i) => stat(at(i))));
      return {
        identity: JSON.stringify([folder, channels, files, states.map(({ size, mtimeMs }) => [size, mtimeMs])]),
        size: files.length,
        classes,
        channels,
        label: (index) => labels[index]!,
        name: (index) => files[index]!,
        read: (index, view) => decodeImage(at(index), channels, view, at(index)),
        encoded: (index) => Promise.resolve(at(index)),
      };
    },
  };
}

const isImage = (name: string) => IMAGE_ENDINGS.some((ending) => name.toLowerCase().endsWith(ending));
