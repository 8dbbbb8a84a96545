/** The first bytes of a format's files, -1 for any byte, or the same as ASCII. */
export type FirstBytes = readonly number[] | string;

export const startsWith = (head: Uint8Array, first: FirstBytes): boolean =>
  [...(typeof first === 'string' ? Buffer.from(first) : first)].every((byte, i) => byte === -1 || byte === head[i]);

/** What Git LFS leaves in place of a file that was not fetched. */
export const GIT_LFS = 'version https://git-lfs.github.com/spec/';

/** A failed download, or a link to a page about the data. */
export const isWebPage = (head: Uint8Array): boolean =>
  /^\s*<(!doctype\s+html|html)\b/i.test(Buffer.from(head).toString('latin1'));
