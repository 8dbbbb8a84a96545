/** The index of the first value that is at least `value`, in an ascending array. */
export function lowerBound(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Draws a path: `move` begins a new segment, `line` continues it. */
export interface Pen {
  move(x: number, y: number): void;
  line(x: number, y: number): void;
}

/**
 * Draws a line with any number of points using a few per pixel: the first, lowest, highest and last value in each column of
 * pixels, so that no peak is lost. Non-finite values and the given breaks leave gaps.
 *
 * @param toX converts from the axis to pixels, ascending
 * @param toY converts from a value to pixels
 */
export function drawDecimated(
  { x, values, breaks }: { x: Float64Array; values: Float64Array; breaks: readonly number[] },
  range: { readonly min: number; readonly max: number },
  toX: (x: number) => number,
  toY: (value: number) => number,
  pen: Pen,
  columnsPerPixel = 2,
): void {
  // Include one more point on each side, so that the line extends to the edges.
  const start = Math.max(0, lowerBound(x, range.min) - 1);
  const end = Math.min(x.length, lowerBound(x, range.max) + 2);
  let nextBreak = breaks.findIndex((at) => at > start);
  let open = false;
  let column = NaN;
  let first = 0;
  let low = 0;
  let high = 0;
  let last = 0;
  const flush = () => {
    if (Number.isNaN(column)) return;
    if (open) pen.line(column, toY(first));
    else pen.move(column, toY(first));
    open = true;
    if (low !== high) {
      pen.line(column, toY(low));
      pen.line(column, toY(high));
    }
    if (last !== first) pen.line(column, toY(last));
    column = NaN;
  };
  for (let i = start; i < end; i++) {
    if (nextBreak >= 0 && i === breaks[nextBreak]) {
      flush();
      open = false;
      nextBreak = nextBreak + 1 < breaks.length ? nextBreak + 1 : -1;
    }
    const value = values[i]!;
    if (!Number.isFinite(value) || Number.isNaN(x[i]!)) {
      flush();
      open = false;
      continue;
    }
    const pixel = Math.round(toX(x[i]!) * columnsPerPixel) / columnsPerPixel;
    if (pixel === column) {
      if (value < low) low = value;
      if (value > high) high = value;
      last = value;
    } else {
      flush();
      column = pixel;
      first = low = high = last = value;
    }
  }
  flush();
}

/** With more points per pixel than this, a line is drawn as a filled area, which takes a tenth of the time. */
const DENSE = 4;

/** Whether a part of a line is dense enough to be drawn as a band. */
export function isDense(
  x: Float64Array,
  range: { readonly min: number; readonly max: number },
  pixels: number,
): boolean {
  return lowerBound(x, range.max) - lowerBound(x, range.min) > DENSE * pixels;
}

/** The outline of a band, along its upper edge and back along the lower one, as `x, y` pairs. */
export type Outline = readonly number[];

/**
 * The area covered by a line through all points: in each column of pixels from the lowest to the highest value, extended to
 * the last value of the previous column, so that the band has no holes. Gaps are as in `drawDecimated`.
 * @param thickness minimum thickness of the band, pixels
 */
export function bands(
  line: { x: Float64Array; values: Float64Array; breaks: readonly number[] },
  range: { readonly min: number; readonly max: number },
  toX: (x: number) => number,
  toY: (value: number) => number,
  thickness: number,
): Outline[] {
  const outlines: Outline[] = [];
  let upper: number[] = [];
  let lower: number[] = [];
  let column = NaN;
  let before = NaN;
  let top = 0;
  let bottom = 0;
  const endColumn = () => {
    if (Number.isNaN(column)) return;
    const thin = Math.max(0, thickness - (bottom - top)) / 2;
    upper.push(column, top - thin);
    lower.push(column, bottom + thin);
  };
  const endPiece = () => {
    endColumn();
    if (upper.length > 2) {
      for (let i = lower.length - 2; i >= 0; i -= 2) upper.push(lower[i]!, lower[i + 1]!);
      outlines.push(upper);
    }
    [upper, lower, column, before] = [[], [], NaN, NaN];
  };
  const pen: Pen = {
    move(x, y) {
      endPiece();
      [column, top, bottom, before] = [x, y, y, y];
    },
    line(x, y) {
      if (x !== column) {
        endColumn();
        column = x;
        top = Math.min(before, y);
        bottom = Math.max(before, y);
      } else {
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
      }
      before = y;
    },
  };
  drawDecimated(line, range, toX, toY, pen, 1);
  endPiece();
  return outlines;
}

/** The smallest and the largest finite value in a range of the axis; undefined if there are none. */
export function extent(
  { x, values }: { x: Float64Array; values: Float64Array },
  range: { readonly min: number; readonly max: number },
  positive = false,
): { min: number; max: number } | undefined {
  let min = Infinity;
  let max = -Infinity;
  const end = lowerBound(x, range.max);
  for (let i = lowerBound(x, range.min); i < Math.min(end + 1, x.length); i++) {
    const value = values[i]!;
    if (!Number.isFinite(value) || (positive && value <= 0) || x[i]! > range.max) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : undefined;
}

/**
 * The exponential moving average of a line, with bias correction (as in Adam, Kingma and Ba 2015). It restarts in each phase;
 * non-finite values are unchanged.
 * @param weight weight of past values, from 0 (none) to 1
 */
export function smooth(values: Float64Array, breaks: readonly number[], weight: number): Float64Array {
  const result = new Float64Array(values.length);
  let average = 0;
  let debias = 1;
  let next = 0;
  for (let i = 0; i < values.length; i++) {
    if (i === breaks[next]) {
      average = 0;
      debias = 1;
      next++;
    }
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      result[i] = value;
      continue;
    }
    average = weight * average + (1 - weight) * value;
    debias *= weight;
    result[i] = average / (1 - debias);
  }
  return result;
}
