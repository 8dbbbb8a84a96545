import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { requireDataFile } from '../data-file';
import { mistakesOf, noiseLine } from '../label-noise';
import { listFilesIn } from '../list-files';
import { explainReadError } from '../read-error';
import type { ImageDataConfig } from './config';
import { readDigits } from './digits';
import { openFolder } from './folder';
import { idxLabelsBeside, isIdxImages, openIdxPair } from './idx';
import type { ImageFiles } from './image-files';
import { withNoise, type ImageSet } from './image-set';
import { openParquet } from './parquet';
import { findCorrupt, withoutCorrupt, type Progress } from './corrupt';
import { splitByClass } from './split';

/** Images for training and evaluation. */
export interface ImageData {
  readonly classes: readonly string[];
  readonly channels: 1 | 3;
  /** Number of training images; an upper bound if some turn out to be corrupt. */
  readonly trainSize: number;
  readonly heldOutSize: number;
  /** SHA-256 of everything that determines the images and their split. */
  fingerprint(): Promise<string>;
  /**
   * Checks every image and splits them.
   * @throws UserError `data.corrupt-images` with the list, unless the spec says to skip them; `data.too-small`
   */
  prepare(options: PrepareOptions): Promise<{ readonly train: ImageSet; readonly heldOut: ImageSet }>;
}

export interface PrepareOptions extends Progress {
  readonly cacheDir: string;
  /** Side of the square that the model sees. */
  readonly side: number;
  log(text: string): void;
}

const EMBEDDED = 'embedded:';

/** The split does not depend on the seed of a run: runs with different seeds are evaluated on the same images. */
const SPLIT_SEED = 0;

/**
 * Opens labeled images; before `prepare`, only names, sizes and labels are read.
 * @param baseDir the folder that a relative source is relative to
 * @throws UserError `data.unknown-source`, `data.not-found`, `data.unreadable`, `data.no-images`, `data.classes`,
 *   `data.bad-idx`, `data.label-noise` and those of the Parquet reader
 */
export async function openImages(config: ImageDataConfig, baseDir: string): Promise<ImageData> {
  const parts = await partsOf(config, baseDir);
  const { train, heldOut } = parts;
  const channels = config.channels ?? parts.channels;
  if (heldOut) requireSameClasses(train.classes, heldOut.classes);
  // A mistake in the setting is found before any image is decoded.
  if (config.labelNoise) mistakesOf(config.labelNoise, train.classes);
  const heldOutSize = heldOut?.size ?? Math.round(config.heldOutShare * train.size);
  return {
    classes: train.classes,
    channels,
    trainSize: heldOut ? train.size : train.size - heldOutSize,
    heldOutSize,
    async fingerprint() {
      const hash = createHash('sha256').update(JSON.stringify(['winnow-images-1', channels, config.heldOutShare]));
      await train.fingerprint(hash);
      await heldOut?.fingerprint(hash.update('held-out'));
      if (config.labelNoise) hash.update(JSON.stringify(['label-noise', config.labelNoise]));
      return hash.digest('hex');
    },
    async prepare(options) {
      const sound = async (files: ImageFiles) => {
        const set = await files.open(options.cacheDir, options);
        return set.identity === undefined ? set : withoutCorrupt(set, await findCorrupt(set, options), config, options);
      };
      const all = await sound(train);
      const split = heldOut
        ? { train: all, heldOut: await sound(heldOut) }
        : splitByClass(all, config.heldOutShare, SPLIT_SEED);
      if (!config.labelNoise) return split;
      const noisy = withNoise(split.train, config.labelNoise);
      if (noisy.noise) options.log(noiseLine(noisy.noise, noisy.size));
      return { ...split, train: noisy };
    },
  };
}

interface Parts {
  readonly train: ImageFiles;
  /** Undefined if a share of the training images is to be held out. */
  readonly heldOut?: ImageFiles | undefined;
  /** What the model sees unless the spec says otherwise. */
  readonly channels: 1 | 3;
}

async function partsOf(config: ImageDataConfig, baseDir: string): Promise<Parts> {
  const source = await partsAt(config.source, config, baseDir);
  if (config.heldOut === undefined) return source;
  const given = await partsAt(config.heldOut, config, baseDir);
  return { ...source, heldOut: given.train };
}

async function partsAt(source: string, config: ImageDataConfig, baseDir: string): Promise<Parts> {
  const channels = config.channels;
  if (source === 'embedded:digits') return { train: inMemory(readDigits(channels), 'embedded:digits'), channels: 1 };
  if (source.startsWith(EMBEDDED))
    throw new UserError(
      'data.unknown-source',
      l10n.t`There are no embedded images ${JSON.stringify(source)}.`,
      l10n.t("The embedded images are 'embedded:digits'; anything else is a path."),
    );
  const place = path.resolve(baseDir, source);
  const entry = await stat(place).catch((error: unknown) => {
    throw explainReadError(error, place);
  });
  if (!entry.isDirectory()) {
    await requireDataFile(place, 'gzip');
    if (place.endsWith('.parquet')) return { train: await openParquet([place], config), channels: 3 };
    if (isIdxImages(place)) return idxParts(place, channels);
    throw new UserError(
      'data.unknown-source',
      l10n.t`${place} holds no images that Winnow can read.`,
      l10n.t(
        'Winnow reads a folder with one folder of images for each class, .parquet files, and IDX files of images (train-images-idx3-ubyte).',
      ),
    );
  }
  return folderParts(place, config);
}

/** A folder of class folders or of Parquet files, perhaps inside training and evaluation folders. */
async function folderParts(place: string, config: ImageDataConfig): Promise<Parts> {
  const parquet = await listFilesIn(place, (name) => name.endsWith('.parquet'), { recursive: true });
  parquet.sort();
  if (parquet.length > 0) {
    // Named `test-00000-of-00001.parquet`, as on the Hugging Face hub.
    const held = parquet.filter((file) => HELD_OUT.test(path.basename(file)));
    const rest = parquet.filter((file) => !held.includes(file));
    if (held.length === 0 || rest.length === 0) return { train: await openParquet(parquet, config), channels: 3 };
    const preferred = held.filter((file) => !/^test/i.test(path.basename(file)));
    return {
      train: await openParquet(rest, config),
      heldOut: await openParquet(preferred.length > 0 ? preferred : held, config),
      channels: 3,
    };
  }
  const folders = await readdir(place, { withFileTypes: true });
  const named = (pattern: RegExp) => folders.find((entry) => entry.isDirectory() && pattern.test(entry.name))?.name;
  const train = named(/^train(ing)?$/i);
  const channels = config.channels ?? 3;
  if (train === undefined) return { train: await openFolder(place, channels), channels: 3 };
  const heldOut = named(/^(val|valid|validation)$/i) ?? named(/^test$/i);
  return {
    train: await openFolder(path.join(place, train), channels),
    heldOut: heldOut === undefined ? undefined : await openFolder(path.join(place, heldOut), channels),
    channels: 3,
  };
}

const HELD_OUT = /^(val|valid|validation|test)\b/i;

async function idxParts(images: string, channels: 1 | 3 | undefined): Promise<Parts> {
  const open = async (file: string) => {
    const labels = idxLabelsBeside(file);
    return inMemory(await openIdxPair(file, labels, channels), file, [file, labels]);
  };
  const test = images.replace(/train(?=-images)/, 't10k');
  const hasTest = test !== images && (await stat(test).catch(() => undefined)) !== undefined;
  return { train: await open(images), heldOut: hasTest ? await open(test) : undefined, channels: 1 };
}

/** Images that were read together with their labels. */
const inMemory = (set: ImageSet, name: string, files: readonly string[] = []): ImageFiles => ({
  classes: set.classes,
  size: set.size,
  async fingerprint(hash) {
    hash.update(name === 'embedded:digits' ? name : '');
    for (const file of files)
      for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  },
  open: () => Promise.resolve(set),
});

function requireSameClasses(train: readonly string[], heldOut: readonly string[]): void {
  if (train.length === heldOut.length && train.every((name, i) => name === heldOut[i])) return;
  const unknown = heldOut.filter((name) => !train.includes(name));
  const missing = train.filter((name) => !heldOut.includes(name));
  const list = (names: readonly string[]) =>
    names
      .slice(0, 5)
      .map((name) => JSON.stringify(name))
      .join(', ');
  const differences = [
    unknown.length === 0
      ? ''
      : unknown.length === 1
        ? l10n.t`${list(unknown)} has no training images`
        : l10n.t`${list(unknown)} have no training images`,
    missing.length === 0
      ? ''
      : missing.length === 1
        ? l10n.t`${list(missing)} has no evaluation images`
        : l10n.t`${list(missing)} have no evaluation images`,
  ].filter((part) => part !== '');
  throw new UserError(
    'data.classes',
    l10n.t`The evaluation images and the training images have different classes: ${differences.join(' ')}.`,
    l10n.t('Use the same folders, or the same label names, in both parts.'),
  );
}
