/** Seconds between two ticks of an axis of time, in units that people count in. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200];
const DAY = 86_400;

/** Where the ticks of an axis of time are. @param most ticks that there is room for */
export function timeTicks({ min, max }: { readonly min: number; readonly max: number }, most: number): number[] {
  const least = (max - min) / most;
  const step = TIME_STEPS.find((one) => one >= least) ?? DAY * Math.ceil(least / DAY);
  const first = Math.ceil(min / step);
  return Array.from({ length: Math.floor(max / step) - first + 1 }, (_, i) => (first + i) * step);
}
