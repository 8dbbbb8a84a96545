/** The environment variable by which whoever starts a program names the language of its texts: see `core/language.ts`. */
export const LANGUAGE = 'WINNOW_LANGUAGE';
