import type { Random } from '../../random';

/** A crop of an image, independent of its size. */
export interface Cut {
  /** Share of the image's area. */
  readonly area: number;
  /** Width divided by height. */
  readonly ratio: number;
  /** Position, from 0 (left, top) to 1 (right, bottom). */
  readonly across: number;
  readonly down: number;
}

/** How an image becomes the square that a model sees. */
export interface View {
  /** Side of the square, in pixels. */
  readonly side: number;
  /** Default: the largest square in the middle. */
  readonly cut?: Cut;
}

/** A rectangle inside an image, in pixels. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The region of an image of this size that a view selects. */
export function regionOf({ cut }: View, width: number, height: number): Region {
  if (!cut) {
    const side = Math.min(width, height);
    return { left: Math.floor((width - side) / 2), top: Math.floor((height - side) / 2), width: side, height: side };
  }
  const area = cut.area * width * height;
  const inside = (length: number, most: number) => Math.min(Math.max(Math.round(length), 1), most);
  const cutWidth = inside(Math.sqrt(area * cut.ratio), width);
  const cutHeight = inside(Math.sqrt(area / cut.ratio), height);
  return {
    left: Math.round(cut.across * (width - cutWidth)),
    top: Math.round(cut.down * (height - cutHeight)),
    width: cutWidth,
    height: cutHeight,
  };
}

/** Largest aspect ratio of a random crop (Szegedy et al., 2015). */
const MOST_RATIO = 4 / 3;

/**
 * A random crop that keeps at least this share of the image; undefined for a share of 1.
 * @param least share of the area, in (0, 1]
 */
export function drawCut(least: number, random: Random): Cut | undefined {
  if (least >= 1) return undefined;
  return {
    area: least + (1 - least) * random.uniform(),
    ratio: MOST_RATIO ** (2 * random.uniform() - 1),
    across: random.uniform(),
    down: random.uniform(),
  };
}
