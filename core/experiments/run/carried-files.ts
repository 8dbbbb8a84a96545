import path from 'node:path';

/** The folder in a mirrored checkpoint for the files that its program keeps elsewhere on the other machine. */
export const CARRIED = 'files';

/** Where the files of a checkpoint are, by its `meta.json`; undefined if they are in its own folder. */
export function sourceIn(meta: string): string | undefined {
  try {
    const content: unknown = JSON.parse(meta);
    const source: unknown =
      typeof content === 'object' && content !== null ? Reflect.get(content, 'source') : undefined;
    return typeof source === 'string' && source !== '' ? source : undefined;
  } catch {
    return undefined;
  }
}

/** The path in a mirrored checkpoint of what the other machine has at `source`. */
export const carriedPath = (source: string) => `${CARRIED}/${path.posix.basename(source.replaceAll('\\', '/'))}`;

/**
 * A checkpoint's `meta.json` as it is in a mirror: files elsewhere on the other machine are below the checkpoint's folder here. Whatever is at
 * the same path on this machine is something else.
 */
export function carriedMeta(meta: string): string {
  const source = sourceIn(meta);
  if (source === undefined) return meta;
  return `${JSON.stringify({ ...(JSON.parse(meta) as object), source: carriedPath(source), sourceThere: source }, undefined, 2)}\n`;
}
