import path from 'node:path';

/** Where the spec of a run is. */
export interface LocatedSpec {
  readonly file: string;
  /** In a folder of the window, elsewhere on disk, or not found: it was deleted or moved, or is on another machine. */
  readonly where: 'window' | 'elsewhere' | 'nowhere';
}

interface Disk {
  /** The folder of the window that contains the run. */
  readonly folder: string;
  readonly exists: (file: string) => boolean;
  /** Whether a file is in a folder of the window. */
  readonly inWindow: (file: string) => boolean;
}

/**
 * Finds the spec that a run was made from. Runs record its path; if the whole folder has been moved, the spec is still at the
 * same path within the folder.
 */
export function locateSpec(recorded: string, { folder, exists, inWindow }: Disk): LocatedSpec {
  if (exists(recorded)) return { file: recorded, where: inWindow(recorded) ? 'window' : 'elsewhere' };
  // If the folder is still where it was, it has not been moved.
  if (!recorded.startsWith(folder + path.sep)) {
    const parts = recorded.split(/[\\/]/).filter(Boolean);
    for (let from = 0; from < parts.length; from++) {
      const file = path.join(folder, ...parts.slice(from));
      if (exists(file)) return { file, where: 'window' };
    }
  }
  return { file: recorded, where: 'nowhere' };
}
