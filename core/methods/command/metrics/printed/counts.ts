/** How much is counted, of how much where that is said. */
export interface Counted {
  readonly done: number;
  readonly of?: number;
}

/** Where in the training a line is, by its own words. */
export interface Counts {
  readonly epoch?: Counted;
  readonly step?: Counted;
  /** Within the epoch, or a bar of whatever. */
  readonly batch?: Counted;
}

export const isCounted = (counts: Counts): boolean => Object.keys(counts).length > 0;

/** Whether two counts are of the same moment, as far as both say. */
export const sameMoment = (a: Counts, b: Counts): boolean =>
  (['epoch', 'step', 'batch'] as const).every(
    (unit) => a[unit] === undefined || b[unit] === undefined || a[unit].done === b[unit].done,
  );
