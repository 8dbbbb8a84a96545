/** A count, and its total if given. */
export interface Counted {
  readonly done: number;
  readonly of?: number;
}

/** Position in the training that a line gives. */
export interface Counts {
  readonly epoch?: Counted;
  readonly step?: Counted;
  /** Within the epoch, or the count of an unnamed bar. */
  readonly batch?: Counted;
}

export const isCounted = (counts: Counts): boolean => Object.keys(counts).length > 0;

/** Whether two positions agree in every unit that both give. */
export const sameMoment = (a: Counts, b: Counts): boolean =>
  (['epoch', 'step', 'batch'] as const).every(
    (unit) => a[unit] === undefined || b[unit] === undefined || a[unit].done === b[unit].done,
  );
