import { useEffect, useRef } from 'preact/hooks';
import type { DecodedFrame } from '../../core/protocol/heatmap-frames';
import type { TokenHeatmap } from '../../core/protocol/heatmap-panel';
import { heat } from '../shared/heat';
import type { Theme } from '../shared/theme';

/** What is drawn over an image. */
export type Overlay = 'kept' | 'scores';

/** Images of heatmaps, which are decoded once and drawn often. */
const pictures = new Map<string, Promise<HTMLImageElement>>();

function pictureOf(url: string): Promise<HTMLImageElement> {
  const known = pictures.get(url);
  if (known) return known;
  const image = new Image();
  const loading = new Promise<HTMLImageElement>((resolve, reject) => {
    image.onload = () => {
      resolve(image);
    };
    image.onerror = () => {
      reject(new Error('the picture cannot be shown'));
    };
  });
  image.src = url;
  pictures.set(url, loading);
  return loading;
}

interface PatchesProps {
  readonly heatmap: TokenHeatmap;
  readonly decoded: DecodedFrame;
  /** Index of the image in the heatmap. */
  readonly index: number;
  /** Width and height, CSS pixels. */
  readonly size: number;
  readonly overlay: Overlay;
  readonly theme: Theme;
  /** Whether to draw the grid and strike skipped patches through. */
  readonly grid: boolean;
  /** Index of the patch under the pointer. */
  readonly active?: number | undefined;
  readonly onPoint?: (patch: number | undefined) => void;
}

/** An image with its patches: skipped ones are dimmed, or all are colored by their scores. */
export function Patches({ heatmap, decoded, index, size, overlay, theme, grid, active, onPoint }: PatchesProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = heatmap.images[index]?.picture ?? '';
  useEffect(() => {
    let alive = true;
    pictureOf(picture).then(
      (image) => {
        if (alive && canvas.current)
          draw(canvas.current, image, { heatmap, decoded, index, size, overlay, theme, grid, active });
      },
      () => undefined,
    );
    return () => {
      alive = false;
    };
  }, [heatmap, decoded, index, size, overlay, theme, grid, active, picture]);
  const patchAt = (event: MouseEvent) => {
    const cell = size / heatmap.grid;
    const inside = (value: number) => Math.min(Math.max(Math.floor(value / cell), 0), heatmap.grid - 1);
    return inside(event.offsetY) * heatmap.grid + inside(event.offsetX);
  };
  return (
    <canvas
      ref={canvas}
      class="patches"
      style={{ width: `${size}px`, height: `${size}px` }}
      aria-hidden="true"
      onMouseMove={
        onPoint &&
        ((event) => {
          onPoint(patchAt(event));
        })
      }
      onMouseLeave={
        onPoint &&
        (() => {
          onPoint(undefined);
        })
      }
    />
  );
}

/** Largest score of an image. Colors are relative to it, since attention spread over many patches is small everywhere. */
export const largestScore = (scores: Float32Array): number => scores.reduce((most, score) => Math.max(most, score), 0);

function draw(
  canvas: HTMLCanvasElement,
  image: HTMLImageElement,
  { heatmap, decoded, index, size, overlay, theme, grid, active }: Omit<PatchesProps, 'onPoint'>,
): void {
  const scale = window.devicePixelRatio;
  canvas.width = Math.round(size * scale);
  canvas.height = Math.round(size * scale);
  const context = canvas.getContext('2d');
  if (!context) return;
  context.scale(scale, scale);
  // Do not smooth small images.
  context.imageSmoothingEnabled = image.naturalWidth > size;
  context.drawImage(image, 0, 0, size, size);
  const patches = heatmap.grid * heatmap.grid;
  const cell = size / heatmap.grid;
  const scores = decoded.scores.subarray(index * patches, (index + 1) * patches);
  const most = largestScore(scores);
  for (let patch = 0; patch < patches; patch++) {
    const [x, y] = [(patch % heatmap.grid) * cell, Math.floor(patch / heatmap.grid) * cell];
    const kept = decoded.kept[index * patches + patch] === 1;
    if (overlay === 'scores') {
      context.globalAlpha = 0.72;
      context.fillStyle = heat(theme, most > 0 ? (scores[patch] ?? 0) / most : 0);
      context.fillRect(x, y, cell, cell);
      context.globalAlpha = 1;
    } else if (!kept) {
      // A gray veil, which differs from both black and white areas of an image.
      context.globalAlpha = 0.55;
      context.fillStyle = theme.muted;
      context.fillRect(x, y, cell, cell);
      context.globalAlpha = 1;
    }
    if (!kept && grid) {
      context.strokeStyle = theme.foreground;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x + 0.3 * cell, y + 0.7 * cell);
      context.lineTo(x + 0.7 * cell, y + 0.3 * cell);
      context.stroke();
    }
  }
  if (!grid) return;
  context.strokeStyle = theme.grid;
  context.lineWidth = 1;
  for (let i = 0; i <= heatmap.grid; i++) {
    const at = Math.min(Math.round(i * cell) + 0.5, size - 0.5);
    context.beginPath();
    context.moveTo(at, 0);
    context.lineTo(at, size);
    context.moveTo(0, at);
    context.lineTo(size, at);
    context.stroke();
  }
  if (active === undefined) return;
  context.strokeStyle = theme.focus;
  context.lineWidth = 2;
  context.strokeRect(
    (active % heatmap.grid) * cell + 1,
    Math.floor(active / heatmap.grid) * cell + 1,
    cell - 2,
    cell - 2,
  );
}
