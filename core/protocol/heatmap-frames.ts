import type { HeatmapFrame, TokenHeatmap } from './heatmap-panel';

/** A decoded frame. */
export interface DecodedFrame {
  readonly frame: HeatmapFrame;
  /** Attention of CLS to each patch: [images, patches], as shares of 1. */
  readonly scores: Float32Array;
  /** 1 if a patch is kept: [images, patches]. */
  readonly kept: Uint8Array;
}

const FULL = 65_535;

function bytesOf(base64: string): Uint8Array {
  const text = atob(base64);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Decodes a frame. @throws RangeError if its length does not match the heatmap's patches */
export function decodeFrame(
  { images, grid }: Pick<TokenHeatmap, 'images' | 'grid'>,
  frame: HeatmapFrame,
): DecodedFrame {
  const count = images.length * grid * grid;
  const packed = bytesOf(frame.scores);
  const kept = bytesOf(frame.kept);
  if (packed.length !== 2 * count || kept.length !== count)
    throw new RangeError(`a frame of ${images.length} images has ${kept.length} patches, not ${count}`);
  const view = new DataView(packed.buffer);
  const scores = Float32Array.from({ length: count }, (_, i) => view.getUint16(2 * i, true) / FULL);
  return { frame, scores, kept };
}

/** Selects which images of a heatmap are shown. */
export interface ImageFilter {
  /** Index of a class; undefined for all classes. */
  readonly label: number | undefined;
  readonly prediction: 'all' | 'correct' | 'wrong';
}

/** Indices of the images that pass a filter, in order. */
export function filterImages(
  { images }: Pick<TokenHeatmap, 'images'>,
  frame: HeatmapFrame,
  filter: ImageFilter,
): number[] {
  return images.flatMap(({ label }, index) => {
    if (filter.label !== undefined && label !== filter.label) return [];
    const right = frame.predicted[index] === label;
    return filter.prediction === 'all' || (filter.prediction === 'correct') === right ? [index] : [];
  });
}
