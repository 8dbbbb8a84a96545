/** The file name extension of specs. */
export const SPEC_ENDING = '.winnow.json';
