import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { runtimesFolder } from '../../user-folders';

/** The runtimes that a user can install; each is used by the provider of the same name. */
export const INSTALLABLE = ['cuda', 'tensorflow'] as const;
export type Installable = (typeof INSTALLABLE)[number];

/** The file that makes a folder an installed runtime. It is written last. */
export const RUNTIME_FILE = 'runtime.json';

const schema = z.object({
  v: z.literal(1),
  name: z.enum(INSTALLABLE),
  /** Which of the variants of that name: `cuda-13`. */
  variant: z.string(),
  /** What it is, for people: `ONNX Runtime 1.30.0 with CUDA 13`. */
  title: z.string(),
  /** The package that is loaded in place of Winnow's own, relative to the folder. */
  package: z.string(),
  /** Shared libraries to load before the package, in this order, relative to the folder. */
  libraries: z.array(z.string()),
  /** Every file with its size, by its path in the folder. */
  files: z.record(z.string(), z.number()),
  /** Milliseconds since 1970. */
  installed: z.number(),
  /** What it computed on when it was verified; null where that was not asked for. */
  verified: z.enum(['gpu', 'cpu']).nullable(),
});
export type RuntimeRecord = z.output<typeof schema>;

/** A runtime on this machine. */
export interface InstalledRuntime extends RuntimeRecord {
  readonly folder: string;
}

/** The runtime in a folder; undefined if there is none that this version of Winnow can use. */
export function runtimeIn(folder: string): InstalledRuntime | undefined {
  try {
    return { ...schema.parse(JSON.parse(readFileSync(path.join(folder, RUNTIME_FILE), 'utf8'))), folder };
  } catch {
    return undefined;
  }
}

/** What the user has installed for a provider. `WINNOW_RUNTIME_<NAME>` names a folder to use instead, to verify it first. */
export function installedRuntime(name: string): InstalledRuntime | undefined {
  if (!INSTALLABLE.some((one) => one === name)) return undefined;
  return runtimeIn(process.env[stagedVariable(name)] ?? path.join(runtimesFolder(), name));
}

/** Set in agents and their workers: they are on a remote, for somebody who is elsewhere, and calls it by this name. */
export const REMOTE_VARIABLE = 'WINNOW_ON_REMOTE';

/** The command that installs a runtime on this machine, as the person who reads it has to type it. */
export function installCommand(name: string): string {
  const remote = process.env[REMOTE_VARIABLE];
  return `winnow runtime install ${name}${remote === undefined ? '' : ` --on ${remote}`}`;
}

/** The variable that names another folder for a runtime. */
export const stagedVariable = (name: string): string => `WINNOW_RUNTIME_${name.toUpperCase()}`;

/** The absolute paths of what a process has to load: the libraries first, in order, then the package. */
export function loadsOf({ folder, libraries, package: own }: InstalledRuntime): {
  readonly libraries: readonly string[];
  readonly package: string;
} {
  return {
    libraries: libraries.map((file) => path.join(folder, file)),
    package: path.join(folder, own),
  };
}
