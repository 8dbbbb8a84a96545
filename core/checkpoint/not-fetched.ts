/** A file in the folder of a checkpoint that is on another machine, and of which only the description is here. */
export const NOT_FETCHED = '.not-fetched';
