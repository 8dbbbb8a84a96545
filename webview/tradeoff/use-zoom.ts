import { useRef } from 'preact/hooks';
import type { Chart } from '../shared/chart';
import { moved, zoomed, type Range } from './zoom';

interface View {
  readonly x: Range;
  readonly y: Range;
}

/**
 * Pans and zooms a chart with two axes: Shift and drag, wheel, plus and minus, 0 to reset. The chart is updated directly,
 * because panning has to be fast.
 * @param subject what the chart shows; a different subject resets the view
 */
export function useZoom(subject: string, log: { readonly x: boolean; readonly y: boolean }) {
  const chart = useRef<Chart<'scatter'> | null>(null);
  const view = useRef<View>(undefined);
  const of = useRef(subject);
  const drag = useRef<{ readonly x: number; readonly y: number; readonly view: View }>(undefined);
  if (of.current !== subject) {
    of.current = subject;
    view.current = undefined;
  }

  const shown = (): View | undefined => {
    const { x, y } = chart.current?.scales ?? {};
    return x && y && { x: { min: x.min, max: x.max }, y: { min: y.min, max: y.max } };
  };
  const show = (next: View | undefined) => {
    view.current = next;
    const scales = chart.current?.options.scales;
    if (!chart.current || !scales?.x || !scales.y) return;
    Object.assign(scales.x, next?.x ?? { min: undefined, max: undefined });
    Object.assign(scales.y, next?.y ?? { min: undefined, max: undefined });
    // A different point is under the pointer now.
    chart.current.setActiveElements([]);
    chart.current.tooltip?.setActiveElements([], { x: 0, y: 0 });
    chart.current.update('none');
  };
  const zoom = (factor: number, pixel?: { readonly x: number; readonly y: number }) => {
    const from = shown();
    const { x, y } = chart.current?.scales ?? {};
    if (!from || !x || !y) return;
    const at = {
      x: x.getValueForPixel(pixel?.x ?? (x.left + x.right) / 2) ?? 0,
      y: y.getValueForPixel(pixel?.y ?? (y.top + y.bottom) / 2) ?? 0,
    };
    show({ x: zoomed(from.x, at.x, factor, log.x), y: zoomed(from.y, at.y, factor, log.y) });
  };

  return {
    chart,
    view,
    handlers: {
      onKeyDown(event: KeyboardEvent) {
        const factor = { '+': 0.5, '=': 0.5, '-': 2 }[event.key];
        if (factor !== undefined) zoom(factor);
        else if (event.key === '0') show(undefined);
        else return;
        event.preventDefault();
      },
      onWheel(event: WheelEvent) {
        const canvas = chart.current?.canvas;
        // The wheel scrolls the page unless it is meant for the chart.
        if (!canvas || !(event.ctrlKey || event.shiftKey || document.activeElement === canvas)) return;
        event.preventDefault();
        const { left, top } = canvas.getBoundingClientRect();
        zoom(event.deltaY > 0 ? 1.25 : 0.8, { x: event.clientX - left, y: event.clientY - top });
      },
      onPointerDown(event: PointerEvent) {
        chart.current?.canvas.focus();
        const from = shown();
        if (!from || !(event.shiftKey || event.button === 1)) return;
        drag.current = { x: event.clientX, y: event.clientY, view: from };
        (event.currentTarget as Element).setPointerCapture(event.pointerId);
      },
      onPointerMove(event: PointerEvent) {
        const area = chart.current?.chartArea;
        const from = drag.current;
        if (!from || !area) return;
        const x = (from.x - event.clientX) / (area.right - area.left);
        const y = (event.clientY - from.y) / (area.bottom - area.top);
        show({ x: moved(from.view.x, x, log.x), y: moved(from.view.y, y, log.y) });
      },
      onPointerUp() {
        drag.current = undefined;
      },
    },
  };
}
