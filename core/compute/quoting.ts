/** A word for a POSIX shell. */
export const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
