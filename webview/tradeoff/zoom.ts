/** The visible part of an axis. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Converts an axis to a scale on which panning and zooming are linear: the logarithm for logarithmic axes. */
const along = (log: boolean) =>
  log ? { to: Math.log, from: Math.exp } : { to: (value: number) => value, from: (value: number) => value };

/** A range scaled around a value, which stays in place. */
export function zoomed({ min, max }: Range, at: number, factor: number, log: boolean): Range {
  const { to, from } = along(log);
  const middle = to(at);
  return { min: from(middle + (to(min) - middle) * factor), max: from(middle + (to(max) - middle) * factor) };
}

/** A range shifted by a share of its width. */
export function moved({ min, max }: Range, share: number, log: boolean): Range {
  const { to, from } = along(log);
  const by = (to(max) - to(min)) * share;
  return { min: from(to(min) + by), max: from(to(max) + by) };
}
