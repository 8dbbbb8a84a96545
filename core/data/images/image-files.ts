import type { Hash } from 'node:crypto';
import type { Progress } from './corrupt';
import type { ImageSet } from './image-set';

/** A part of the images as it lies somewhere: classes and counts are known, the images themselves not yet looked at. */
export interface ImageFiles {
  readonly classes: readonly string[];
  readonly size: number;
  /** What decides the images: names and lengths, and the bytes unless there are very many. */
  fingerprint(hash: Hash): Promise<void>;
  /** Makes the images readable one by one, in any order. @param cacheDir for what has to be unpacked first */
  open(cacheDir: string, progress: Progress): Promise<ImageSet>;
}
