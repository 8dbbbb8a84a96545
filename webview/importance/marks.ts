import * as l10n from '@vscode/l10n';
import type { Plugin } from 'chart.js';
import { formatNumber } from '../../core/protocol/format';
import type { Theme } from '../shared/theme';
import type { BarRange } from './state';

/** A dashed line where what is kept begins, with its score above. */
export const thresholdLine = (threshold: number, theme: Theme): Plugin<'bar'> => ({
  id: 'threshold',
  afterDatasetsDraw({ ctx, chartArea, scales }) {
    const at = scales.x?.getPixelForValue(threshold) ?? 0;
    const x = Math.round(Math.min(Math.max(at, chartArea.left), chartArea.right)) + 0.5;
    ctx.save();
    ctx.strokeStyle = theme.foreground;
    ctx.fillStyle = theme.foreground;
    ctx.setLineDash([5, 3]);
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(x, chartArea.top - 4);
    ctx.lineTo(x, chartArea.bottom);
    ctx.stroke();
    ctx.font = `${theme.fontSize - 1}px ${theme.font}`;
    ctx.textAlign = x > (chartArea.left + chartArea.right) / 2 ? 'right' : 'left';
    ctx.fillText(l10n.t`kept from ${formatNumber(threshold, 3)}`, x, chartArea.top - 7);
    ctx.restore();
  },
});

/** What is chosen, behind the bars. */
export const brushed = (range: BarRange | null, bars: number, theme: Theme): Plugin<'bar'> => ({
  id: 'brushed',
  beforeDatasetsDraw({ ctx, chartArea }) {
    if (!range) return;
    const width = chartArea.width / bars;
    const left = chartArea.left + range.first * width;
    const across = (range.last - range.first + 1) * width;
    ctx.save();
    ctx.globalAlpha = 0.25;
    ctx.fillStyle = theme.focus;
    ctx.fillRect(left, chartArea.top, across, chartArea.height);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = theme.focus;
    ctx.lineWidth = 1;
    ctx.strokeRect(left, chartArea.top, across, chartArea.height);
    ctx.restore();
  },
});
