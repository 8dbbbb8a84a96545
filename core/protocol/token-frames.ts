import type { MapFrame, TokenMap } from './tokens';

/** A picture of a model as numbers. */
export interface DecodedFrame {
  readonly frame: MapFrame;
  /** Attention of CLS to each patch: [images, patches], shares of 1. */
  readonly scores: Float32Array;
  /** 1 where a patch stays: [images, patches]. */
  readonly kept: Uint8Array;
}

const FULL = 65_535;

function bytesOf(base64: string): Uint8Array {
  const text = atob(base64);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The numbers of a picture. @throws RangeError where they are not as many as the map has patches */
export function decodeFrame({ images, grid }: Pick<TokenMap, 'images' | 'grid'>, frame: MapFrame): DecodedFrame {
  const count = images.length * grid * grid;
  const packed = bytesOf(frame.scores);
  const kept = bytesOf(frame.kept);
  if (packed.length !== 2 * count || kept.length !== count)
    throw new RangeError(`a picture of ${images.length} images has ${kept.length} patches, not ${count}`);
  const view = new DataView(packed.buffer);
  const scores = Float32Array.from({ length: count }, (_, i) => view.getUint16(2 * i, true) / FULL);
  return { frame, scores, kept };
}

/** Which images of a map are shown. */
export interface ImageFilter {
  /** Index of a class, or undefined for all. */
  readonly label: number | undefined;
  readonly judged: 'all' | 'right' | 'wrong';
}

/** Numbers of the images that a filter lets through, in their order. */
export function filterImages({ images }: Pick<TokenMap, 'images'>, frame: MapFrame, filter: ImageFilter): number[] {
  return images.flatMap(({ label }, index) => {
    if (filter.label !== undefined && label !== filter.label) return [];
    const right = frame.predicted[index] === label;
    return filter.judged === 'all' || (filter.judged === 'right') === right ? [index] : [];
  });
}
