import path from 'node:path';

/** A path as written in a spec: relative to the spec's folder, with forward slashes, unless it is on another drive. */
export function specPath(specFile: string, target: string): string {
  const relative = path.relative(path.dirname(specFile), target);
  return (path.isAbsolute(relative) ? target : relative).split(path.sep).join('/');
}
