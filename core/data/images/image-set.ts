import { makeNoisy, type LabelNoiseConfig, type MadeNoise } from '../label-noise';
import type { View } from './view';

/** An image in main memory: 8 bits per channel, row by row, with interleaved channels. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** [height, width, channels] */
  readonly pixels: Uint8Array;
}

/** Labeled images, numbered from 0; each is decoded on demand. */
export interface ImageSet {
  readonly size: number;
  /** Names of the classes, by index. */
  readonly classes: readonly string[];
  /** Channels of the images: 1 (gray) or 3 (red, green, blue). */
  readonly channels: 1 | 3;
  /** Identifies the state of the images on disk; undefined if they are decoded in memory and cannot be corrupt. */
  readonly identity?: string | undefined;
  /** Index of the class. */
  label(index: number): number;
  /** Names an image in messages and tables: a file, or a row of one. */
  name(index: number): string;
  /** The square that the view selects from an image. @throws UserError `data.corrupt-image` */
  read(index: number, view: View): Promise<Image>;
  /** The image as a file: its path, or the bytes of one with the same pixels. */
  encoded?(index: number): Promise<string | Uint8Array>;
  /** Labels that were made wrong on purpose; undefined if they are as they came. */
  readonly noise?: MadeNoise | undefined;
}

/** The same images, a share of them with wrong labels. @throws UserError `data.label-noise` */
export function withNoise(set: ImageSet, config: LabelNoiseConfig): ImageSet {
  const { label, noise } = makeNoisy(set, config);
  return {
    ...{ size: set.size, classes: set.classes, channels: set.channels, identity: set.identity },
    label,
    name: (index) => set.name(index),
    read: (index, view) => set.read(index, view),
    ...(set.encoded && { encoded: (index: number) => set.encoded!(index) }),
    noise,
  };
}

/** The images with these indices, in this order. */
export function subset(set: ImageSet, indices: Int32Array): ImageSet {
  const at = (index: number) => {
    const original = indices[index];
    if (original === undefined) throw new RangeError(`there is no image ${index} among ${indices.length}`);
    return original;
  };
  return {
    size: indices.length,
    classes: set.classes,
    channels: set.channels,
    label: (index) => set.label(at(index)),
    name: (index) => set.name(at(index)),
    read: (index, view) => set.read(at(index), view),
    ...(set.encoded && { encoded: (index: number) => set.encoded!(at(index)) }),
  };
}
