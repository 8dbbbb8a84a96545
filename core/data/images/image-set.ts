import type { View } from './view';

/** An image in main memory: 8 bits per channel, row by row, the channels of a pixel side by side. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** [height, width, channels] */
  readonly pixels: Uint8Array;
}

/** Labeled images, numbered from 0; wherever they lie, one is decoded when it is asked for. */
export interface ImageSet {
  readonly size: number;
  /** Names of the classes, by their index. */
  readonly classes: readonly string[];
  /** What the images have: 1 (gray) or 3 (red, green, blue). */
  readonly channels: 1 | 3;
  /** Names the images as they are now on a disk; undefined where they lie decoded in memory and cannot be corrupt. */
  readonly identity?: string | undefined;
  /** Index of the class. */
  label(index: number): number;
  /** Names an image in sentences and tables: a file, or a row of one. */
  name(index: number): string;
  /** The square that the view cuts out of an image. @throws UserError `data.corrupt-image` */
  read(index: number, view: View): Promise<Image>;
}

/** The images of a set with these numbers, in this order. */
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
  };
}
