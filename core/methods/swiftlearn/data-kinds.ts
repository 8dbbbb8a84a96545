/** What a run learns from: the key of the spec that names it. */
export const DATA_KINDS = ['texts', 'images', 'language'] as const;
export type DataKind = (typeof DATA_KINDS)[number];
