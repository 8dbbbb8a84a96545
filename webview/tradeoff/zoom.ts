/** The part of an axis that is shown. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** An axis as one moves on it: logarithmic axes are moved by factors. */
const along = (log: boolean) =>
  log ? { to: Math.log, from: Math.exp } : { to: (value: number) => value, from: (value: number) => value };

/** A range made smaller or larger around a value, which stays where it is. */
export function zoomed({ min, max }: Range, at: number, factor: number, log: boolean): Range {
  const { to, from } = along(log);
  const middle = to(at);
  return { min: from(middle + (to(min) - middle) * factor), max: from(middle + (to(max) - middle) * factor) };
}

/** A range moved by a share of its width. */
export function moved({ min, max }: Range, share: number, log: boolean): Range {
  const { to, from } = along(log);
  const by = (to(max) - to(min)) * share;
  return { min: from(to(min) + by), max: from(to(max) + by) };
}
