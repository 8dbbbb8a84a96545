import type { Hash } from 'node:crypto';
import type { Progress } from './corrupt';
import type { ImageSet } from './image-set';

/** One part of the images on disk: classes and counts are known, but no image has been read yet. */
export interface ImageFiles {
  readonly classes: readonly string[];
  readonly size: number;
  /** Adds everything that determines the images: names and lengths, and the bytes unless there are very many. */
  fingerprint(hash: Hash): Promise<void>;
  /** Makes the images readable one by one, in any order. @param cacheDir for what has to be unpacked first */
  open(cacheDir: string, progress: Progress): Promise<ImageSet>;
}
