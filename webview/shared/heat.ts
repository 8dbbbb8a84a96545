import type { Theme } from './theme';

/**
 * Cividis (Nuñez, Anderton & Renslow, 2018): steps of equal brightness that look nearly the same with any kind of color
 * vision. Reversed on light backgrounds, so that small values are close to the background in both.
 */
const CIVIDIS: readonly (readonly [number, number, number])[] = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56],
];

/** The color of a value from 0 to 1. */
export function heat(theme: Theme, share: number): string {
  const light = theme.kind === 'light' || theme.kind === 'high-contrast-light';
  const at = Math.min(Math.max(light ? 1 - share : share, 0), 1) * (CIVIDIS.length - 1);
  const below = Math.floor(at);
  const [from, to] = [CIVIDIS[below] ?? [0, 0, 0], CIVIDIS[Math.min(below + 1, CIVIDIS.length - 1)] ?? [0, 0, 0]];
  const mixed = from.map((value, i) => Math.round(value + (at - below) * ((to[i] ?? 0) - value)));
  return `rgb(${mixed.join(' ')})`;
}

/** A CSS gradient of all colors, from 0 to 1. */
export const heatGradient = (theme: Theme): string =>
  `linear-gradient(to right, ${Array.from({ length: 11 }, (_, i) => heat(theme, i / 10)).join(', ')})`;
