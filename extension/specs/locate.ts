import path from 'node:path';

/** Where the spec of a run is. */
export interface LocatedSpec {
  readonly file: string;
  /** In a folder of the window; elsewhere on the disk; or not found: deleted, moved, or of another machine. */
  readonly where: 'window' | 'elsewhere' | 'nowhere';
}

interface Disk {
  /** The folder of the window that the run lies in. */
  readonly folder: string;
  readonly exists: (file: string) => boolean;
  /** Whether a file lies in a folder of the window. */
  readonly inWindow: (file: string) => boolean;
}

/**
 * Finds the spec that a run was made from. Runs record its path; where the whole folder has moved since, it has the same
 * path within the folder as before.
 */
export function locateSpec(recorded: string, { folder, exists, inWindow }: Disk): LocatedSpec {
  if (exists(recorded)) return { file: recorded, where: inWindow(recorded) ? 'window' : 'elsewhere' };
  // Of a folder that is where it was, nothing has moved as a whole.
  if (!recorded.startsWith(folder + path.sep)) {
    const parts = recorded.split(/[\\/]/).filter(Boolean);
    for (let from = 0; from < parts.length; from++) {
      const file = path.join(folder, ...parts.slice(from));
      if (exists(file)) return { file, where: 'window' };
    }
  }
  return { file: recorded, where: 'nowhere' };
}
