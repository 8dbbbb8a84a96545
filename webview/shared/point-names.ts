import type { Theme } from './theme';

/** A name and the position of its point in a chart, in pixels. */
export interface NamedPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** The drawing area of a chart, and its context. */
interface Surface {
  readonly ctx: CanvasRenderingContext2D;
  readonly chartArea: { readonly right: number };
}

/** Writes names next to their points; a name that would overlap an earlier one is left out. */
export function drawPointNames({ ctx, chartArea }: Surface, points: Iterable<NamedPoint>, theme: Theme): void {
  ctx.save();
  ctx.font = `${theme.fontSize - 2}px ${theme.font}`;
  ctx.fillStyle = theme.foreground;
  const taken: { left: number; top: number; right: number; bottom: number }[] = [];
  for (const { name, x, y } of points) {
    const width = ctx.measureText(name).width;
    const left = Math.min(x + 9, chartArea.right - width);
    const box = { left, top: y - 18, right: left + width, bottom: y - 4 };
    const covers = taken.some(
      (other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top,
    );
    if (covers) continue;
    taken.push(box);
    ctx.fillText(name, left, y - 7);
  }
  ctx.restore();
}
