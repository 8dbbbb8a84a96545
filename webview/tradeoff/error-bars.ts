import type { Plugin } from 'chart.js';
import type { Theme } from '../shared/theme';
import type { Scene } from './model';

/** Half the width of the cap at the end of a bar, pixels. */
const CAP = 4;

/** The range that an axis needs so that no bar is cut off. @param at the coordinate of a point on the axis */
export function reachOf(scene: Scene, axis: string, at: (point: Scene['points'][number]) => number) {
  const bars = scene.points.flatMap((shown) => {
    const spread = shown.point.spread?.[axis];
    return spread === undefined ? [] : [at(shown) - spread, at(shown) + spread];
  });
  return bars.length === 0 ? {} : { suggestedMin: Math.min(...bars), suggestedMax: Math.max(...bars) };
}

/** Bars of one standard deviation over the seeds on either side of a point, if there are several seeds. */
export function errorBars(scene: Scene, x: string, y: string, theme: Theme): Plugin<'scatter'> {
  return {
    id: 'errorBars',
    beforeDatasetsDraw({ ctx, chartArea, scales }) {
      const { x: across, y: down } = scales;
      if (!across || !down) return;
      ctx.save();
      ctx.beginPath();
      ctx.rect(chartArea.left, chartArea.top, chartArea.right - chartArea.left, chartArea.bottom - chartArea.top);
      ctx.clip();
      ctx.strokeStyle = theme.muted;
      ctx.lineWidth = 1;
      ctx.beginPath();
      for (const { x: atX, y: atY, point } of scene.points) {
        const [left, top] = [across.getPixelForValue(atX), down.getPixelForValue(atY)];
        const [spreadX, spreadY] = [point.spread?.[x], point.spread?.[y]];
        if (spreadY !== undefined) {
          const ends = [down.getPixelForValue(atY - spreadY), down.getPixelForValue(atY + spreadY)] as const;
          ctx.moveTo(left, ends[0]);
          ctx.lineTo(left, ends[1]);
          for (const end of ends) {
            ctx.moveTo(left - CAP, end);
            ctx.lineTo(left + CAP, end);
          }
        }
        if (spreadX !== undefined) {
          const ends = [across.getPixelForValue(atX - spreadX), across.getPixelForValue(atX + spreadX)] as const;
          ctx.moveTo(ends[0], top);
          ctx.lineTo(ends[1], top);
          for (const end of ends) {
            ctx.moveTo(end, top - CAP);
            ctx.lineTo(end, top + CAP);
          }
        }
      }
      ctx.stroke();
      ctx.restore();
    },
  };
}
