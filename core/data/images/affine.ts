import type { Image } from './image-set';

/** Where a pixel of the result comes from: (xx x + xy y + right, yx x + yy y + down), relative to the center. */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
  /** As a share of the side. */
  readonly right: number;
  readonly down: number;
}

/**
 * Translates, rotates or shears an image about its center, with bilinear interpolation; what comes from outside is
 * black.
 */
export function warp({ width, height, channels, pixels }: Image, affine: Affine): Image {
  const { xx, xy, yx, yy, right, down } = affine;
  const result = new Uint8Array(pixels.length);
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [dx, dy] = [x - middleX, y - middleY];
      const fromX = xx * dx + xy * dy + right * width + middleX;
      const fromY = yx * dx + yy * dy + down * height + middleY;
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      if (left < -1 || top < -1 || left >= width || top >= height) continue;
      const [shareX, shareY] = [fromX - left, fromY - top];
      for (let channel = 0; channel < channels; channel++) {
        const at = (column: number, row: number) =>
          column < 0 || row < 0 || column >= width || row >= height
            ? 0
            : pixels[(row * width + column) * channels + channel]!;
        const above = (1 - shareX) * at(left, top) + shareX * at(left + 1, top);
        const below = (1 - shareX) * at(left, top + 1) + shareX * at(left + 1, top + 1);
        result[(y * width + x) * channels + channel] = Math.round((1 - shareY) * above + shareY * below);
      }
    }
  return { width, height, channels, pixels: result };
}
