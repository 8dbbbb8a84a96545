/** What the names of spec files end with. */
export const SPEC_ENDING = '.winnow.json';
