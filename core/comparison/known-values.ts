/** The quantities that were measured. One that is no number, as a mean of nothing, was not: JSON could not hold it either. */
export const knownValues = (values: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
