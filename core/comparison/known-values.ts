/** Drops values that were not measured, including NaN, such as the mean of nothing, which JSON cannot represent. */
export const knownValues = (values: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
